// What Prometheus answers, as Grafana's data frames.
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

async function ask(path: string, form: Record<string, string>): Promise<Series[]> {
  const answer = await fetch(`api/v1/${path}?${new URLSearchParams(form)}`);
  const body = await answer.json();
  if (body.status !== 'success') {
    throw new Error(`${form.query}: ${body.error}`);
  }
  return body.data.result;
}

/** Puts values in the place of a dashboard's variables. Grafana's own least rate interval is four times that of scraping. */
export function filled(expr: string, variables: Record<string, string>, range: Range): string {
  const all: Record<string, string> = { ...variables, __rate_interval: `${Math.max(60, range.step + 15)}s` };
  return Object.keys(all)
    .sort((a, b) => b.length - a.length)
    .reduce((text, name) => text.split('$' + name).join(all[name]), expr);
}

const number = (text: string) => (text === 'NaN' ? null : Number(text));

/** A legend, from its format and a series' labels. */
export function legend(format: string | undefined, labels: Record<string, string>): string {
  if (!format) {
    return Object.entries(labels).map(([name, value]) => `${name}="${value}"`).join(', ');
  }
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? '');
}

/** A frame for each series of a query over time, with gaps where there is nothing. */
export async function over(expr: string, format: string | undefined, range: Range): Promise<DataFrame[]> {
  const form = { query: expr, start: `${range.from}`, end: `${range.to}`, step: `${range.step}` };
  const series = await ask('query_range', form);
  const times: number[] = [];
  for (let time = range.from; time <= range.to; time += range.step) {
    times.push(time * 1000);
  }
  return series.map(({ metric, values }) => {
    const known = new Map(values!.map(([time, value]) => [Math.round(time * 1000), number(value)]));
    const { __name__: _, ...labels } = metric;
    return {
      length: times.length,
      fields: [
        { name: 'Time', type: FieldType.time, config: {}, values: times },
        {
          name: 'Value', type: FieldType.number, labels, config: { displayName: legend(format, labels) },
          values: times.map((time) => known.get(Math.round(time)) ?? null),
        },
      ] as Field[],
    };
  });
}

/** The last values of several queries as one table: a row for each set of labels. */
export async function table(exprs: Array<{ refId: string; expr: string }>, labels: string[], at: number): Promise<DataFrame> {
  const rows = new Map<string, Record<string, string | number | null>>();
  for (const { refId, expr } of exprs) {
    for (const { metric, value } of await ask('query', { query: expr, time: `${at}` })) {
      const key = labels.map((label) => metric[label]).join('\n');
      const row = rows.get(key) ?? Object.fromEntries(labels.map((label) => [label, metric[label]]));
      row[`Value #${refId}`] = number(value![1]);
      rows.set(key, row);
    }
  }
  const frame = new MutableDataFrame({
    fields: [
      ...labels.map((name) => ({ name, type: FieldType.string })),
      ...exprs.map(({ refId }) => ({ name: `Value #${refId}`, type: FieldType.number })),
    ],
  });
  rows.forEach((row) => frame.add(row));
  return frame;
}
