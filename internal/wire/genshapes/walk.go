package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// methods are those of kmsg's reader and the field that each reads. The compact forms are read where the plain ones
// are, when the version is flexible.
var methods = map[string]string{
	"Bool": "kind: fixed, size: 1", "Int8": "kind: fixed, size: 1",
	"Int16": "kind: fixed, size: 2", "Uint16": "kind: fixed, size: 2",
	"Int32": "kind: fixed, size: 4", "Uint32": "kind: fixed, size: 4",
	"Int64": "kind: fixed, size: 8", "Float64": "kind: fixed, size: 8",
	"Uuid":   "kind: fixed, size: 16",
	"String": "kind: text", "NullableString": "kind: nullableText",
	"Bytes": "kind: blob", "NullableBytes": "kind: blob",
}

// scope is a list of statements that is being read: the versions that reach it and what was seen of an array.
type scope struct {
	min, max int    // versions; max is -1 without a bound
	elem     string // type of the array that a loop is about to fill
	out      *strings.Builder
}

// walk returns the fields that a decoder reads, as Go source.
func walk(stmts []ast.Stmt) (string, error) {
	var out strings.Builder
	s := &scope{max: -1, out: &out}
	if err := s.stmts(stmts); err != nil {
		return "", err
	}
	return out.String(), nil
}

func (s *scope) stmts(list []ast.Stmt) error {
	for _, st := range list {
		if err := s.stmt(st); err != nil {
			return err
		}
	}
	return nil
}

func (s *scope) stmt(st ast.Stmt) error {
	switch st := st.(type) {
	case *ast.BlockStmt:
		inner := *s
		inner.elem = ""
		return inner.stmts(st.List)
	case *ast.IfStmt:
		return s.ifStmt(st)
	case *ast.ForStmt:
		return s.forStmt(st)
	case *ast.AssignStmt:
		return s.expr(st.Rhs[0])
	case *ast.DeclStmt, *ast.ReturnStmt, *ast.ExprStmt:
		return nil // var v T; return b.Complete(); v.Default()
	}
	return fmt.Errorf("unknown statement %T", st)
}

// expr emits the field that an expression reads, if it reads one.
func (s *scope) expr(e ast.Expr) error {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return nil
	}
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		switch fun.Name {
		case "internalReadTags":
			s.emit("kind: tags", "")
		case "append":
			s.elem = typeName(call.Args[1].(*ast.CallExpr).Args[0].(*ast.ArrayType).Elt)
		}
		return nil // otherwise a conversion
	case *ast.SelectorExpr:
		if x, ok := fun.X.(*ast.Ident); !ok || x.Name != "b" || fun.Sel.Name == "ArrayLen" {
			return nil
		}
		f, ok := methods[fun.Sel.Name]
		if !ok {
			return fmt.Errorf("unknown read %s", fun.Sel.Name)
		}
		s.emit(f, "")
		return nil
	}
	return nil
}

func (s *scope) ifStmt(st *ast.IfStmt) error {
	switch cond := st.Cond.(type) {
	case *ast.Ident:
		switch {
		case cond.Name == "unsafe":
			return s.stmt(st.Else)
		case cond.Name == "isFlexible" && st.Else != nil: // the compact form first, then the plain one
			return s.stmt(st.Else)
		case cond.Name == "isFlexible":
			return s.flexible(st.Body.List)
		}
	case *ast.BinaryExpr:
		if st.Init != nil { // if present := b.Int8(); present != -1 && b.Ok(), or the check of a tag's content
			if st.Init.(*ast.AssignStmt).Lhs[0].(*ast.Ident).Name != "present" {
				return nil
			}
			return s.optional(st.Body.List)
		}
		if x, ok := cond.X.(*ast.Ident); ok && x.Name == "l" { // if l > 0 { a = append(…) }
			return s.stmts(st.Body.List)
		}
		if cond.Op == token.LOR { // an empty array that may be null
			return nil
		}
		return s.versions(cond, st)
	case *ast.UnaryExpr: // if !b.Ok()
		return nil
	}
	return fmt.Errorf("unknown condition %T", st.Cond)
}

// versions walks a branch that some versions take, and the one of the others.
func (s *scope) versions(cond *ast.BinaryExpr, st *ast.IfStmt) error {
	inner, rest := *s, *s
	switch {
	case cond.Op == token.LAND:
		inner.min, inner.max = bound(cond.X), bound(cond.Y)
	case cond.Op == token.GEQ:
		inner.min = bound(cond)
		rest.max = inner.min - 1
	case cond.Op == token.LSS:
		inner.max = bound(cond) - 1
		rest.min = bound(cond)
	default:
		return fmt.Errorf("unknown comparison %s of versions", cond.Op)
	}
	if err := inner.stmts(st.Body.List); err != nil {
		return err
	}
	if st.Else == nil {
		return nil
	}
	if cond.Op == token.LAND {
		return fmt.Errorf("a branch for versions outside a range")
	}
	return rest.stmt(st.Else)
}

// bound returns N of a comparison version OP N.
func bound(e ast.Expr) int {
	n, err := strconv.Atoi(e.(*ast.BinaryExpr).Y.(*ast.BasicLit).Value)
	if err != nil {
		panic(err) // a number in source that parsed
	}
	return n
}

// flexible walks what only flexible versions have: tags, those with a meaning among them.
func (s *scope) flexible(list []ast.Stmt) error {
	loop, ok := list[0].(*ast.ForStmt)
	if !ok {
		return s.stmts(list)
	}
	var known strings.Builder
	for _, c := range loop.Body.List[0].(*ast.SwitchStmt).Body.List {
		clause := c.(*ast.CaseClause)
		if clause.List == nil {
			continue
		}
		var content strings.Builder
		inner := scope{max: -1, out: &content}
		if err := inner.stmts(clause.Body[1:]); err != nil { // after b := kbin.Reader{…}
			return err
		}
		fmt.Fprintf(&known, "{kind: tagged, size: %s, max: anyVersion, of: []field{\n%s}},\n", clause.List[0].(*ast.BasicLit).Value, content.String())
	}
	s.emit("kind: tags", known.String())
	return nil
}

func (s *scope) optional(body []ast.Stmt) error {
	made := body[0].(*ast.AssignStmt).Rhs[0].(*ast.CallExpr).Args[0]
	var content strings.Builder
	inner := scope{max: -1, out: &content}
	if err := inner.stmts(body); err != nil {
		return err
	}
	s.emit("kind: optional, size: "+sizeOf(typeName(made)), content.String())
	return nil
}

func (s *scope) forStmt(st *ast.ForStmt) error {
	if s.elem == "" {
		return fmt.Errorf("a loop without an array")
	}
	var content strings.Builder
	inner := scope{max: -1, out: &content}
	if err := inner.stmts(st.Body.List); err != nil {
		return err
	}
	s.emit("kind: array, size: "+sizeOf(s.elem), content.String())
	s.elem = ""
	return nil
}

func (s *scope) emit(what, of string) {
	fmt.Fprintf(s.out, "{%s", what)
	if s.min > 0 {
		fmt.Fprintf(s.out, ", min: %d", s.min)
	}
	if s.max >= 0 {
		fmt.Fprintf(s.out, ", max: %d", s.max)
	} else {
		s.out.WriteString(", max: anyVersion")
	}
	if of != "" {
		fmt.Fprintf(s.out, ", of: []field{\n%s}", of)
	}
	s.out.WriteString("},\n")
}

// typeName returns the source of an element's type; names that are not Go's own are kmsg's.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.ArrayType: // [16]byte
		return "[" + e.Len.(*ast.BasicLit).Value + "]byte"
	case *ast.Ident:
		if ast.IsExported(e.Name) {
			return "kmsg." + e.Name
		}
		return e.Name
	}
	panic(fmt.Sprintf("unknown element type %T", e))
}

// sizeOf returns the source of the size of a type in memory.
func sizeOf(name string) string {
	switch name {
	case "string":
		return `unsafe.Sizeof("")`
	case "int8", "int16", "int32", "int64":
		return "unsafe.Sizeof(" + name + "(0))"
	}
	if strings.HasPrefix(name, "kmsg.ACL") || strings.HasPrefix(name, "kmsg.ConfigResourceType") {
		return "unsafe.Sizeof(" + name + "(0))"
	}
	return "unsafe.Sizeof(" + name + "{})"
}
