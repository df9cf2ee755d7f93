"""What the doctor looks at on the log: brokers, topics, groups, transactions, positions."""
