// Table panels. Grafana's own table is not available as a component outside Grafana.
import { type DataFrame, type GrafanaTheme2 } from '@grafana/data';

import { queryTable } from './prometheus';

/** Queries a table panel's data, with columns and rows in the panel's order. */
export async function tableFrame(panel: any, targets: any[], time: number): Promise<DataFrame> {
  const organize = panel.transformations.find(({ id }: any) => id === 'organize');
  const { indexByName, renameByName } = organize.options;
  const names = Object.keys(indexByName).sort((a, b) => indexByName[a] - indexByName[b]);
  const frame = await queryTable(targets, names.filter((name) => !name.startsWith('Value #')), time);
  const fieldOf = (name?: string) => frame.fields.find((field) => field.name === name)!;
  const sortBy = panel.options.sortBy?.[0]?.displayName;
  const { values } = fieldOf(names.find((name) => renameByName[name] === sortBy));
  const order = (row: number) => values[row] ?? -Infinity;
  const rows = [...Array(frame.length).keys()].sort((a, b) => order(b) - order(a));
  return {
    length: frame.length,
    fields: names.map((name) => {
      const field = fieldOf(name);
      const config = { displayName: renameByName[name] };
      return { ...field, values: rows.map((row) => field.values[row]), config };
    }),
  };
}

interface Props {
  frame: DataFrame;
  height: number;
  theme: GrafanaTheme2;
}

export function TablePanel({ frame, height, theme }: Props) {
  const { fields, length } = frame;
  const cell = { borderBottom: `1px solid ${theme.colors.border.weak}`, padding: '5px 8px' };
  const align = (field: { type: string }) => (field.type === 'number' ? 'right' : 'left') as 'right' | 'left';
  const rows = [...Array(Math.min(length, Math.floor(height / 31) - 1)).keys()];
  const { link } = theme.colors.text;
  return (
    <table style={{ width: '100%' }}>
      <thead>
        <tr>
          {fields.map((field, index) => (
            <th key={index} style={{ ...cell, textAlign: align(field), color: link }}>
              {field.config.displayName}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row}>
            {fields.map((field, index) => {
              const value = field.values[row] ?? null;
              const plain = { text: value, suffix: '', color: undefined };
              const display = field.type === 'number' ? field.display!(value) : plain;
              const coloured = field.config.custom?.cellOptions?.type === 'color-text' && value !== null;
              const color = field.config.links ? link : coloured ? display.color : undefined;
              const text = value === null ? '' : `${display.text}${display.suffix ?? ''}`;
              return <td key={index} style={{ ...cell, textAlign: align(field), color }}>{text}</td>;
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
