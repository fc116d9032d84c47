// The dashboards' panel types, drawn with Grafana's components.
import { dateTime, getDisplayProcessor, type DataFrame, type GrafanaTheme2 } from '@grafana/data';
import { BigValue, TimeSeries, type UPlotConfigBuilder } from '@grafana/ui';
import { useEffect, useLayoutEffect, useState } from 'react';

import { applyFieldConfig } from './field_config';
import { interpolate, queryRange, type Range } from './prometheus';
import { tableFrame, TablePanel } from './table';

export interface Annotation {
  time: number;
  colour: string;
}

export interface PanelProps {
  panel: any;
  range: Range;
  variables: Record<string, string>;
  theme: GrafanaTheme2;
  annotations: Annotation[];
  width: number;
  height: number;
  onDrawn: () => void;
}

/** The panel's range: its minimum interval, such as `1m`, and its maximum number of points bound the step. */
function panelRange(panel: any, { from, to, step }: Range): Range {
  const interval = Number(/^(\d+)m$/.exec(panel.interval ?? '')?.[1] ?? 0) * 60;
  const minimum = Math.max(interval, (to - from) / (panel.maxDataPoints ?? Infinity));
  const own = Math.max(step, Math.ceil(minimum / 5) * 5);
  return { to, step: own, from: Math.ceil(from / own) * own };
}

async function load({ panel, variables, theme, ...props }: PanelProps): Promise<DataFrame[]> {
  const range = panelRange(panel, props.range);
  const targets = (panel.targets ?? []).map((target: any) => ({
    ...target, expr: interpolate(target.expr, variables, range),
  }));
  if (panel.type === 'table') {
    return applyFieldConfig([await tableFrame(panel, targets, range.to)], panel, theme);
  }
  const frames = await Promise.all(
    targets.map((target: any) => queryRange(target.expr, target.legendFormat, range)));
  return applyFieldConfig(frames.flat(), panel, theme);
}

export function PanelContent(props: PanelProps) {
  const { panel, onDrawn } = props;
  const [frames, setFrames] = useState<DataFrame[]>();
  useEffect(() => {
    load(props)
      .catch((error) => {
        document.title = `failed: ${error}`;
        return [];
      })
      .then((loaded) => {
        setFrames(loaded);
        setTimeout(onDrawn, 300);
      });
  }, []);
  if (!frames) {
    return null;
  }
  const numbers = frames.flatMap((frame) => frame.fields.filter((field) => field.type === 'number'));
  if (!numbers.some((field) => field.values.some((value) => value !== null))) {
    return <NoValue {...props} />;
  }
  switch (panel.type) {
    case 'stat': return <StatPanel {...props} frames={frames} />;
    case 'table': return <TablePanel {...props} frame={frames[0]} />;
    default: return <TimeSeriesPanel {...props} frames={frames} />;
  }
}

function NoValue({ panel, width, height, theme }: PanelProps) {
  const style = {
    width, height, display: 'flex', alignItems: 'center', justifyContent: 'center',
    color: theme.colors.text.secondary, fontSize: panel.type === 'stat' ? 24 : 14,
  } as const;
  return <div style={style}>{panel.fieldConfig.defaults.noValue ?? 'No data'}</div>;
}

function StatPanel({ frames, panel, width, height, theme }: PanelProps & { frames: DataFrame[] }) {
  const { colorMode, graphMode, justifyMode, textMode } = panel.options;
  return (
    <div style={{ display: 'flex' }}>
      {frames.map((frame, index) => {
        const field = frame.fields[1];
        const last = [...field.values].reverse().find((value) => value !== null);
        const display = field.display ?? getDisplayProcessor({ field, theme });
        const title = frames.length > 1 ? field.config.displayName : undefined;
        return (
          <BigValue key={index} value={{ ...display(last), title }} theme={theme}
            width={width / frames.length} height={height} textMode={textMode}
            colorMode={colorMode} graphMode={graphMode} justifyMode={justifyMode}
            sparkline={graphMode === 'none' ? undefined : { x: frame.fields[0], y: field }} />
        );
      })}
    </div>
  );
}

function TimeSeriesPanel(props: PanelProps & { frames: DataFrame[] }) {
  const { frames, panel, range, width, height, annotations } = props;
  const [from, to] = [dateTime(range.from * 1000), dateTime(range.to * 1000)];
  return (
    <TimeSeries frames={frames} width={width} height={height} legend={panel.options.legend} timeZone="utc"
      timeRange={{ from, to, raw: { from, to } }}>
      {(config: UPlotConfigBuilder) => <AnnotationMarks config={config} annotations={annotations} />}
    </TimeSeries>
  );
}

/** Annotations as dashed lines with a small triangle at the time axis. */
function AnnotationMarks({ config, annotations }: { config: UPlotConfigBuilder; annotations: Annotation[] }) {
  useLayoutEffect(() => {
    config.addHook('draw', (plot) => {
      const { ctx, bbox } = plot;
      const bottom = bbox.top + bbox.height;
      ctx.save();
      annotations.forEach(({ time, colour }) => {
        const x = Math.round(plot.valToPos(time, 'x', true));
        if (x < bbox.left || x > bbox.left + bbox.width) {
          return;
        }
        ctx.strokeStyle = ctx.fillStyle = colour;
        ctx.setLineDash([4, 4]);
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bottom);
        ctx.stroke();
        ctx.beginPath();
        ctx.moveTo(x - 4, bottom + 6);
        ctx.lineTo(x + 4, bottom + 6);
        ctx.lineTo(x, bottom);
        ctx.fill();
      });
      ctx.restore();
    });
  }, [config]);
  return null;
}
