package compat

// exceptions lists every difference from Kafka 4.2.1 that is meant, or that lies in how the two were started. One that no scene needs fails the test.
func exceptions() []exception {
	const (
		unpack    = "records that cannot be unpacked are a fault of the client, not of the server"
		strict    = "Kafka takes a batch that no client makes, and readers then see offsets, producers or tombstones that are not so"
		nonsense  = "Kafka fails on a request that makes no sense; Bobbin takes the nearest sense, and nothing is lost by it"
		durable   = "Bobbin shows the durability it gives: a batch is synced before it is acknowledged"
		sources   = "Kafka and Bobbin are not started with the same settings"
		synonyms  = "Bobbin names the broker's setting that a value comes from where Kafka has none to name, or leaves it out"
		brokers   = "Kafka leaves out brokers, cluster and controller of an answer that is an error; Bobbin does not"
		canonical = "Bobbin shows a setting's value as it is taken, Kafka as it was written"
		older     = "clients of before Kafka 4 are served"
		newer     = "versions that came after Kafka 4.2"
	)
	return []exception{
		{"*", "*ErrorMessage", "null", "text", "Bobbin says what is wrong where Kafka leaves it to the code"},
		{"describe-configs/unknown", "*ErrorMessage", "empty", "text", "Bobbin says what is wrong where Kafka leaves it to the code"},
		{"*", "*Brokers[node].Rack", "rack*", "null", sources},

		{"produce/old", "*", "connection closed", "answered", "UNSUPPORTED_VERSION tells an old client more than the end of its connection"},
		{"produce/batch/not *", "answer*ErrorCode", "UNKNOWN_SERVER_ERROR", "INVALID_RECORD", unpack},
		{"produce/batch/codec *", "answer*ErrorCode", "UNKNOWN_SERVER_ERROR", "UNSUPPORTED_COMPRESSION_TYPE", unpack},
		{"produce/batch/codec *", "answer*LogStartOffset", "0", "-1", unpack},
		{"produce/batch/delete horizon", "*", "*", "*", strict},
		{"produce/batch/producer without epoch", "*", "*", "*", strict},
		{"produce/batch/record offset", "*", "*", "*", strict},
		{"produce/sequence/transaction-not-begun", "*ErrorCode", "NOT_ENOUGH_REPLICAS", "INVALID_TXN_STATE", "transactions are not served yet; Kafka asks its coordinator, which does not know the transaction"},

		{"fetch/limits", "partition's limit -1*", "*", "*", nonsense},
		{"fetch/limits", "request's limit -1*", "*", "*", nonsense},
		{"fetch/limits", "partition's limit between batches*RecordBatches", "*and 5 bytes*", "*", "Kafka cuts the last batch where the limit is; Bobbin sends whole batches, which readers can use"},
		{"fetch/isolation", "level 2*", "*", "*", nonsense},
		{"fetch-session/deleted", "*ErrorCode", "UNKNOWN_TOPIC_OR_PARTITION", "UNKNOWN_TOPIC_ID", "the client asked by id"},

		{"list-offsets/nothing", "no partitions*", "*", "*", "Kafka leaves out a topic of which no partition was asked"},

		{"metadata/by-id", "*: Brokers.len", "0", "1", brokers},
		{"metadata/by-id", "*: Brokers[node]", "absent", "listed", brokers},
		{"metadata/by-id", "*: ClusterID", "null", "cluster", brokers},
		{"metadata/by-id", "*: ControllerID", "-1", "node", brokers},
		{"metadata/by-id", "one by id, one by name: Topics*", "*", "*", "Kafka refuses a mixed request up to version 11 and forgets the names from version 12 on; Bobbin answers for both"},
		{"metadata/by-id", "neither*", "*", "*", nonsense},

		{"create-topics/collision", "both at once: Topics[c_d]*", "*", "*", "Kafka looks for names that collide among topics that exist, not within a request"},
		{"create-topics/configs", "*Configs[preallocate].Value", "TRUE", "true", canonical},
		{"create-topics/configs", "*Configs[retention.ms].Value", " 1000 ", "1000", canonical},

		{"*", "*Configs[flush.messages].Value", "9223372036854775807", "1", durable},
		{"*", "*Configs[min.insync.replicas].Source", "3", "5", sources},
		{"*", "*Configs[unclean.leader.election.enable].Source", "4", "5", sources},
		{"*", "*Configs[retention.ms].Source", "5", "4", "Kafka names log.retention.hours as the source when it creates a topic, but not here"},
		{"describe-configs/topic", "synonyms*Configs[flush.ms].ConfigSynonyms*", "*", "*", synonyms},
		{"describe-configs/topic", "synonyms*Configs[retention.ms].ConfigSynonyms*", "*", "*", synonyms},

		{"incremental-alter/broker-values", "log.cleaner.threads=*", "*", "*", "one log is compacted at a time: the setting is taken at a start, without effect, and cannot be changed"},
		{"incremental-alter/invalid", "* operation*ErrorCode", "UNKNOWN_SERVER_ERROR", "INVALID_REQUEST", "an operation that does not exist is a fault of the client, not of the server"},
		{"incremental-alter/broker-refused", "a setting that is not known*ErrorCode", "NONE", "INVALID_REQUEST", "Kafka keeps what it does not know, for plugins; here nothing would ever read it"},
		{"incremental-alter/broker-values", "log.retention.ms=-2*ErrorCode", "NONE", "INVALID_REQUEST", "only -1 means without limit"},
		{"incremental-alter/broker-values", "log.flush.interval.ms=-1*ErrorCode", "NONE", "INVALID_REQUEST", "no time is negative"},
		{"incremental-alter/broker-values", "min.insync.replicas=2 for one*", "*", "*", "with its feature of eligible leaders Kafka takes it for all brokers only; here it has no effect"},
		{"delete-records/all", "max timestamp*", "*", "*", "Kafka finds a record that was deleted, while its segment is there"},
		{"topic-partitions/plain", "invalid names*", "*", "*", "Kafka fails on the whole request when one of its names is not valid"},
		{"metadata-topic", "describe*ErrorMessage", "empty", "text", "Bobbin says what is wrong where Kafka leaves it to the code"},

		{"connection/bad-bodies", "metadata 0 with null", "connection closed", "answer *", "null means all topics, as in later versions"},
		{"connection/unsupported-version", "list offsets 0", "connection closed", "answer *", older},

		{"api-versions", "*.min", "*", "0", older},
		{"api-versions", "ApiVersions.max", "4", "5", newer},
	}
}
