// A panel's field options and overrides, put on the fields of its frames, as Grafana does it.
import { getDisplayProcessor, type DataFrame, type Field, type GrafanaTheme2 } from '@grafana/data';

/** What Grafana's time series have where a panel says nothing. */
const CUSTOM = {
  drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, gradientMode: 'none', showPoints: 'never',
  pointSize: 5, spanNulls: false, axisPlacement: 'auto', axisLabel: '', axisColorMode: 'text', barAlignment: 0,
  scaleDistribution: { type: 'linear' }, hideFrom: { tooltip: false, viz: false, legend: false },
  stacking: { mode: 'none', group: 'A' }, thresholdsStyle: { mode: 'off' }, insertNulls: false,
};

/** Grafana's regular expressions in overrides are whole ones. */
const matches = (override: any, name: string) =>
  override.matcher.id === 'byName' ? override.matcher.options === name : new RegExp(`^(?:${override.matcher.options})$`).test(name);

function put(config: any, id: string, value: unknown) {
  const path = id.split('.');
  const last = path.pop()!;
  const place = path.reduce((object, key) => (object[key] = { ...object[key] }), config);
  place[last] = value;
}

/** The least and the greatest value. */
function ends(values: any[]): [number, number] {
  const known = values.filter((value) => value !== null);
  return known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
}

export function dress(frames: DataFrame[], panel: any, theme: GrafanaTheme2): DataFrame[] {
  let series = 0;
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field): Field => {
      const config: any = { ...field.config };
      if (field.type === 'number') {
        const { custom, ...defaults } = panel.fieldConfig.defaults;
        Object.assign(config, defaults, { displayName: field.config.displayName ?? defaults.displayName });
        config.custom = { ...CUSTOM, ...custom };
      }
      const name = config.displayName ?? field.name;
      for (const override of panel.fieldConfig.overrides ?? []) {
        if (matches(override, name)) {
          override.properties.forEach(({ id, value }: any) => put(config, id, value));
        }
      }
      const dressed: Field = { ...field, config, state: { displayName: name } };
      if (field.type === 'number') {
        const [min, max] = [config.min, config.max].map((bound, at) => bound ?? ends(field.values)[at]);
        dressed.state = { ...dressed.state, seriesIndex: series++, range: { min, max, delta: max - min } };
      }
      dressed.display = getDisplayProcessor({ field: dressed, theme, timeZone: 'utc' });
      return dressed;
    }),
  }));
}
