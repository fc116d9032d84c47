// Applies a panel's field options and overrides to the fields of its frames, as Grafana does.
import { getDisplayProcessor, type DataFrame, type Field, type GrafanaTheme2 } from '@grafana/data';

/** Grafana's defaults for time series. */
const DEFAULTS = {
  drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, gradientMode: 'none',
  showPoints: 'never', pointSize: 5, spanNulls: false, axisPlacement: 'auto', axisLabel: '',
  axisColorMode: 'text', barAlignment: 0, scaleDistribution: { type: 'linear' },
  hideFrom: { tooltip: false, viz: false, legend: false },
  stacking: { mode: 'none', group: 'A' }, thresholdsStyle: { mode: 'off' }, insertNulls: false,
};

/** Whether an override applies. Grafana anchors its regular expressions at both ends. */
const matches = ({ matcher }: any, name: string) =>
  matcher.id === 'byName' ? matcher.options === name : new RegExp(`^(?:${matcher.options})$`).test(name);

function setPath(config: any, id: string, value: unknown) {
  const path = id.split('.');
  const last = path.pop()!;
  const parent = path.reduce((object, key) => (object[key] = { ...object[key] }), config);
  parent[last] = value;
}

function minMax(values: any[]): [number, number] {
  const known = values.filter((value) => value !== null);
  return known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
}

export function applyFieldConfig(frames: DataFrame[], panel: any, theme: GrafanaTheme2): DataFrame[] {
  let series = 0;
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field): Field => {
      const config: any = { ...field.config };
      if (field.type === 'number') {
        const { custom, ...defaults } = panel.fieldConfig.defaults;
        Object.assign(config, defaults, { displayName: field.config.displayName ?? defaults.displayName });
        config.custom = { ...DEFAULTS, ...custom };
      }
      const name = config.displayName ?? field.name;
      for (const override of panel.fieldConfig.overrides ?? []) {
        if (matches(override, name)) {
          override.properties.forEach(({ id, value }: any) => setPath(config, id, value));
        }
      }
      const result: Field = { ...field, config, state: { displayName: name } };
      if (field.type === 'number') {
        const [lowest, highest] = minMax(field.values);
        const [min, max] = [config.min ?? lowest, config.max ?? highest];
        result.state = { ...result.state, seriesIndex: series++, range: { min, max, delta: max - min } };
      }
      result.display = getDisplayProcessor({ field: result, theme, timeZone: 'utc' });
      return result;
    }),
  }));
}
