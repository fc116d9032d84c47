// The kinds of panels that the dashboards have, drawn with Grafana's components.
import { dateTime, getDisplayProcessor, type DataFrame, type GrafanaTheme2 } from '@grafana/data';
import { BigValue, TimeSeries, type UPlotConfigBuilder } from '@grafana/ui';
import { useEffect, useLayoutEffect, useState } from 'react';

import { dress } from './dress';
import { filled, over, table, type Range } from './prometheus';

export interface Mark {
  time: number;
  colour: string;
}

export interface Shown {
  panel: any;
  range: Range;
  variables: Record<string, string>;
  theme: GrafanaTheme2;
  marks: Mark[];
  width: number;
  height: number;
  done: () => void;
}

/** Panels that have not been drawn yet. */
export function Content(shown: Shown) {
  const { panel, range, variables, theme, done } = shown;
  const [frames, setFrames] = useState<DataFrame[]>();
  useEffect(() => {
    // A panel's least interval, as `1m`, and its greatest number of points.
    const least = Math.max(Number(/^(\d+)m$/.exec(panel.interval ?? '')?.[1] ?? 0) * 60, (range.to - range.from) / (panel.maxDataPoints ?? Infinity));
    const step = Math.max(range.step, Math.ceil(least / 5) * 5);
    const own = { ...range, step, from: Math.ceil(range.from / step) * step };
    const targets = (panel.targets ?? []).map((target: any) => ({ ...target, expr: filled(target.expr, variables, own) }));
    const load = async () => {
      if (panel.type === 'table') {
        return dress([await organized(panel, targets, range.to)], panel, theme);
      }
      const all = await Promise.all(targets.map((target: any) => over(target.expr, target.legendFormat, own)));
      return dress(all.flat(), panel, theme);
    };
    load()
      .catch((error) => {
        document.title = `failed: ${error}`;
        return [];
      })
      .then((loaded) => {
        setFrames(loaded);
        setTimeout(done, 300);
      });
  }, []);
  if (!frames) {
    return null;
  }
  if (!frames.some((frame) => frame.fields.some((field) => field.type === 'number' && field.values.some((value) => value !== null)))) {
    return <Empty {...shown} />;
  }
  switch (panel.type) {
    case 'stat': return <Numbers {...shown} frames={frames} />;
    case 'table': return <Rows {...shown} frames={frames} />;
    default: return <Graph {...shown} frames={frames} />;
  }
}

function Empty({ panel, width, height, theme }: Shown) {
  const style = { width, height, display: 'flex', alignItems: 'center', justifyContent: 'center', color: theme.colors.text.secondary } as const;
  return <div style={{ ...style, fontSize: panel.type === 'stat' ? 24 : 14 }}>{panel.fieldConfig.defaults.noValue ?? 'No data'}</div>;
}

async function organized(panel: any, targets: any[], at: number): Promise<DataFrame> {
  const { indexByName, renameByName } = panel.transformations.find((one: any) => one.id === 'organize').options;
  const names = Object.keys(indexByName).sort((a, b) => indexByName[a] - indexByName[b]);
  const frame = await table(targets, names.filter((name) => !name.startsWith('Value #')), at);
  const sort = panel.options.sortBy?.[0];
  const by = names.find((name) => renameByName[name] === sort?.displayName);
  const rows = [...Array(frame.length).keys()];
  const column = frame.fields.find((field) => field.name === by)!;
  rows.sort((a, b) => (column.values[b] ?? -Infinity) - (column.values[a] ?? -Infinity));
  return {
    length: frame.length,
    fields: names.map((name) => {
      const field = frame.fields.find((one) => one.name === name)!;
      const values = rows.map((row) => field.values[row]);
      return { ...field, values, config: { displayName: renameByName[name] } };
    }),
  };
}

/** A table as Grafana's, which as a component is not to be had outside of it. */
function Rows({ frames, height, theme }: Shown & { frames: DataFrame[] }) {
  const { fields, length } = frames[0];
  const line = { borderBottom: `1px solid ${theme.colors.border.weak}`, padding: '5px 8px' };
  const side = (field: { type: string }) => (field.type === 'number' ? 'right' : 'left') as 'right' | 'left';
  const shown = [...Array(Math.min(length, Math.floor(height / 31) - 1)).keys()];
  return (
    <table style={{ width: '100%' }}>
      <thead>
        <tr>{fields.map((field, at) => <th key={at} style={{ ...line, textAlign: side(field), color: theme.colors.text.link }}>{field.config.displayName}</th>)}</tr>
      </thead>
      <tbody>
        {shown.map((row) => (
          <tr key={row}>
            {fields.map((field, at) => {
              const value = field.values[row];
              const show = field.type === 'number' ? field.display!(value) : { text: value, suffix: '', color: undefined };
              const coloured = field.config.custom?.cellOptions?.type === 'color-text';
              const colour = field.config.links ? theme.colors.text.link : coloured && value !== null && value !== undefined ? show.color : undefined;
              return <td key={at} style={{ ...line, textAlign: side(field), color: colour }}>{value === null || value === undefined ? '' : `${show.text}${show.suffix ?? ''}`}</td>;
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Numbers({ frames, panel, width, height, theme }: Shown & { frames: DataFrame[] }) {
  const each = width / frames.length;
  return (
    <div style={{ display: 'flex' }}>
      {frames.map((frame, at) => {
        const field = frame.fields[1];
        const last = [...field.values].reverse().find((value) => value !== null);
        const show = field.display ?? getDisplayProcessor({ field, theme });
        const title = frames.length > 1 ? field.config.displayName : undefined;
        return (
          <BigValue key={at} value={{ ...show(last), title }} width={each} height={height} theme={theme}
            colorMode={panel.options.colorMode} graphMode={panel.options.graphMode} justifyMode={panel.options.justifyMode}
            textMode={panel.options.textMode}
            sparkline={panel.options.graphMode === 'none' ? undefined : { x: frame.fields[0], y: field }} />
        );
      })}
    </div>
  );
}

function Graph({ frames, panel, range, width, height, marks }: Shown & { frames: DataFrame[] }) {
  const [from, to] = [dateTime(range.from * 1000), dateTime(range.to * 1000)];
  return (
    <TimeSeries frames={frames} width={width} height={height} legend={panel.options.legend} timeZone="utc"
      timeRange={{ from, to, raw: { from, to } }}>
      {(config: UPlotConfigBuilder) => <Marks config={config} marks={marks} />}
    </TimeSeries>
  );
}

/** Annotations: dashed lines behind a small triangle. */
function Marks({ config, marks }: { config: UPlotConfigBuilder; marks: Mark[] }) {
  useLayoutEffect(() => {
    config.addHook('draw', (plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      marks.forEach(({ time, colour }) => {
        const x = Math.round(plot.valToPos(time, 'x', true));
        if (x < bbox.left || x > bbox.left + bbox.width) {
          return;
        }
        ctx.strokeStyle = ctx.fillStyle = colour;
        ctx.setLineDash([4, 4]);
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        ctx.beginPath();
        ctx.moveTo(x - 4, bbox.top + bbox.height + 6);
        ctx.lineTo(x + 4, bbox.top + bbox.height + 6);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.fill();
      });
      ctx.restore();
    });
  }, [config]);
  return null;
}
