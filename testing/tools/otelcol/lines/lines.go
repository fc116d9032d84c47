// Package lines is an exporter that appends each batch to a file as a line of OTLP JSON. The file exporter in
// the Collector's contrib repository would add a hundred modules.
package lines

import (
	"context"
	"errors"
	"os"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Config is the exporter's configuration.
type Config struct {
	// Path of the output file.
	Path string `mapstructure:"path"`
}

// Validate fails without a path. The Collector calls it on its configuration.
func (c *Config) Validate() error {
	if c.Path == "" {
		return errors.New("path is missing")
	}
	return nil
}

type lines struct {
	path string
	mu   sync.Mutex
	file *os.File
}

// NewFactory registers the exporter with the Collector.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(
		component.MustNewType("lines"),
		func() component.Config { return &Config{} },
		exporter.WithTraces(create, component.StabilityLevelDevelopment),
	)
}

func create(_ context.Context, _ exporter.Settings, config component.Config) (exporter.Traces, error) {
	return &lines{path: config.(*Config).Path}, nil
}

func (*lines) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (l *lines) Start(context.Context, component.Host) (err error) {
	l.file, err = os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return err
}

func (l *lines) Shutdown(context.Context) error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// ConsumeTraces acknowledges a batch after its line is written.
func (l *lines) ConsumeTraces(_ context.Context, traces ptrace.Traces) error {
	line, err := (&ptrace.JSONMarshaler{}).MarshalTraces(traces)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err = l.file.Write(append(line, '\n'))
	return err
}
