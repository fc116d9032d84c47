// Command dashboards writes Grafana's dashboards as JSON. With -check it compares instead, for CI.
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

	"verbatim.dev/dashboards/kit"
)

// Each file, and what makes it.
var files = map[string]func() kit.Page{
	"fleet.json":  fleet,
	"job.json":    job,
	"memory.json": memory,
}

func main() {
	check := flag.Bool("check", false, "compare with what is there instead of writing")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: dashboards [-check] FOLDER")
		os.Exit(2)
	}
	failed := false
	for file, page := range files {
		if err := one(filepath.Join(flag.Arg(0), file), page(), *check); err != nil {
			fmt.Fprintln(os.Stderr, "dashboards:", err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

func one(path string, page kit.Page, check bool) error {
	board, err := page.Build()
	if err != nil {
		return fmt.Errorf("failed to build %s: %w", path, err)
	}
	text, err := json.MarshalIndent(board, "", "  ")
	if err != nil {
		return fmt.Errorf("failed to write %s as JSON: %w", path, err)
	}
	text = append(text, '\n')
	if !check {
		return os.WriteFile(path, text, 0o644)
	}
	found, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w; run: make generate", err)
	}
	if !bytes.Equal(found, text) {
		return fmt.Errorf("%s is not what the generator makes; run: make generate", path)
	}
	return nil
}
