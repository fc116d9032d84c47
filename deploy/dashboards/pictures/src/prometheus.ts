// Prometheus query results as Grafana data frames.
import { FieldType, MutableDataFrame, type DataFrame, type Field } from '@grafana/data';

export interface Range {
  from: number;
  to: number;
  step: number;
}

interface Series {
  metric: Record<string, string>;
  values?: Array<[number, string]>;
  value?: [number, string];
}

async function request(path: string, form: Record<string, string>): Promise<Series[]> {
  const response = await fetch(`api/v1/${path}?${new URLSearchParams(form)}`);
  const body = await response.json();
  if (body.status !== 'success') {
    throw new Error(`${form.query}: ${body.error}`);
  }
  return body.data.result;
}

/** Replaces dashboard variables by values. Grafana's $__rate_interval is at least four scrape intervals. */
export function interpolate(expr: string, variables: Record<string, string>, range: Range): string {
  const all: Record<string, string> = { ...variables, __rate_interval: `${Math.max(60, range.step + 15)}s` };
  return Object.keys(all)
    .sort((a, b) => b.length - a.length)
    .reduce((text, name) => text.split('$' + name).join(all[name]), expr);
}

const parse = (text: string) => (text === 'NaN' ? null : Number(text));

/** A series' legend, from its format and labels. */
function legend(format: string | undefined, labels: Record<string, string>): string {
  if (!format) {
    return Object.entries(labels).map(([name, value]) => `${name}="${value}"`).join(', ');
  }
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? '');
}

/** Runs a range query: a frame per series, null where there is no sample. */
export async function queryRange(
  expr: string, format: string | undefined, range: Range,
): Promise<DataFrame[]> {
  const form = { query: expr, start: `${range.from}`, end: `${range.to}`, step: `${range.step}` };
  const series = await request('query_range', form);
  const times: number[] = [];
  for (let time = range.from; time <= range.to; time += range.step) {
    times.push(time * 1000);
  }
  return series.map(({ metric, values }) => {
    const samples = new Map(values!.map(([time, value]) => [Math.round(time * 1000), parse(value)]));
    const { __name__: _, ...labels } = metric;
    return {
      length: times.length,
      fields: [
        { name: 'Time', type: FieldType.time, config: {}, values: times },
        {
          name: 'Value', type: FieldType.number, labels, config: { displayName: legend(format, labels) },
          values: times.map((time) => samples.get(Math.round(time)) ?? null),
        },
      ] as Field[],
    };
  });
}

/** Runs instant queries and merges them into one table: a row per set of labels. */
export async function queryTable(
  targets: Array<{ refId: string; expr: string }>, labels: string[], time: number,
): Promise<DataFrame> {
  const rows = new Map<string, Record<string, string | number | null>>();
  for (const { refId, expr } of targets) {
    for (const { metric, value } of await request('query', { query: expr, time: `${time}` })) {
      const key = labels.map((label) => metric[label]).join('\n');
      const row = rows.get(key) ?? Object.fromEntries(labels.map((label) => [label, metric[label]]));
      row[`Value #${refId}`] = parse(value![1]);
      rows.set(key, row);
    }
  }
  const frame = new MutableDataFrame({
    fields: [
      ...labels.map((name) => ({ name, type: FieldType.string })),
      ...targets.map(({ refId }) => ({ name: `Value #${refId}`, type: FieldType.number })),
    ],
  });
  rows.forEach((row) => frame.add(row));
  return frame;
}
