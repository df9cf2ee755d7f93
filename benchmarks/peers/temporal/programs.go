// Package peers pins the programs that the benchmark builds: Temporal's server and its schema tool.
package peers

import (
	_ "go.temporal.io/server/cmd/server"
	_ "go.temporal.io/server/cmd/tools/sql"
)
