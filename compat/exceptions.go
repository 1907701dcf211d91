package compat

// exceptions lists every difference from Kafka 4.2.1 that is meant, or that lies in how the two were started. One that no scene needs fails the test.
func exceptions() []exception {
	return []exception{
		{"*", "*ErrorMessage", "null", "text", "Bobbin says what is wrong where Kafka leaves it to the code"},
	}
}
