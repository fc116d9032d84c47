// Package lines is an exporter that appends what it gets to a file, each batch a line of OTLP's JSON. The exporter of that kind in
// the Collector's other repository brings a hundred modules with it.
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

// Config says where the file is.
type Config struct {
	Path string `mapstructure:"path"`
}

// Validate is called by the Collector when it reads its configuration.
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

// NewFactory makes the exporter known to the Collector.
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

// ConsumeTraces answers the sender once the line is written.
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
