package kafka

func (p *Producer) MaxRecordBytes() int { return 1_000_000 }
