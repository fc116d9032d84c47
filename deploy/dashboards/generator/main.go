// Command dashboards writes the Grafana dashboards as JSON. With -check it compares them instead, for CI.
//
// usage: go run . [-check] FOLDER
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"verbatim.dev/dashboards/grafana"
)

// dashboards maps each file to its definition.
var dashboards = map[string]func() grafana.Dashboard{
	"fleet.json":  fleet,
	"job.json":    job,
	"memory.json": memory,
}

func main() {
	check := flag.Bool("check", false, "compare with the existing files instead of writing them")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: dashboards [-check] FOLDER")
		os.Exit(2)
	}
	failed := false
	for file, definition := range dashboards {
		if err := generate(filepath.Join(flag.Arg(0), file), definition(), *check); err != nil {
			fmt.Fprintln(os.Stderr, "dashboards:", err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

func generate(path string, definition grafana.Dashboard, check bool) error {
	model, err := definition.Build()
	if err != nil {
		return fmt.Errorf("failed to build %s: %w", path, err)
	}
	text, err := json.MarshalIndent(model, "", "  ")
	if err != nil {
		return fmt.Errorf("failed to encode %s as JSON: %w", path, err)
	}
	text = append(text, '\n')
	if !check {
		return os.WriteFile(path, text, 0o644)
	}
	existing, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w; run: make generate", err)
	}
	if !bytes.Equal(existing, text) {
		return fmt.Errorf("%s differs from the generator's output; run: make generate", path)
	}
	return nil
}
