// A dashboard as a page, with rows and panels laid out as in Grafana.
//
// ?board=fleet&from=SECONDS&to=SECONDS&width=PIXELS&rows=A|B&namespace=...&verbatim_job=...&worker=...
import { createTheme } from '@grafana/data';
import { ThemeContext } from '@grafana/ui';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

import fleet from '../../fleet.json';
import job from '../../job.json';
import memory from '../../memory.json';
import { PanelContent, type Annotation } from './panels';
import { interpolate, queryRange, type Range } from './prometheus';

const dashboards: Record<string, any> = { fleet, job, memory };
const params = new URLSearchParams(location.search);
const dashboard = dashboards[params.get('board') ?? 'fleet'];
const [from, to] = [Number(params.get('from')), Number(params.get('to'))];
const points = 180;
const range: Range = { from, to, step: Math.max(5, Math.round((to - from) / points / 5) * 5) };
const variables = Object.fromEntries(
  ['namespace', 'verbatim_job', 'worker'].map((name) => [name, params.get(name) ?? '.+']));
const rows = params.get('rows')?.split('|');
const theme = createTheme({ colors: { mode: 'dark' } });
// Grafana's grid: 24 columns, 30 pixels per unit of height, a gap of 8.
const width = Number(params.get('width') ?? 1600) - 16;
const [unit, gap, header] = [30, 8, 34];

/** The panels of the requested rows, moved up over the rows that are left out. */
function layout() {
  const result: Array<{ panel: any; top: number }> = [];
  let include = true, skipped = 0, end = 0;
  for (const panel of dashboard.panels) {
    if (panel.type === 'row') {
      include = !rows || rows.includes(panel.title);
    }
    const bottom = panel.gridPos.y + panel.gridPos.h;
    if (include) {
      result.push({ panel, top: panel.gridPos.y - skipped });
    } else if (bottom > end) {
      skipped += bottom - Math.max(end, panel.gridPos.y);
    }
    end = Math.max(end, bottom);
  }
  return result;
}

interface FrameProps {
  panel: any;
  top: number;
  annotations: Annotation[];
  onDrawn: () => void;
}

function PanelFrame({ panel, top, annotations, onDrawn }: FrameProps) {
  const { x, w, h } = panel.gridPos;
  const box = {
    position: 'absolute', left: (x * width) / 24, top: top * (unit + gap),
    width: (w * width) / 24 - gap, height: h * unit + (h - 1) * gap,
  } as const;
  if (panel.type === 'row') {
    const style = { ...box, width, fontSize: 16, fontWeight: 500, lineHeight: '30px' };
    return <div style={style}>{panel.title}</div>;
  }
  const { background, border } = theme.colors;
  const frame = {
    ...box, boxSizing: 'border-box', background: background.primary, border: `1px solid ${border.weak}`,
    borderRadius: 4, overflow: 'hidden',
  } as const;
  const title = {
    height: header, lineHeight: `${header}px`, padding: '0 8px', fontWeight: 500, whiteSpace: 'nowrap',
    overflow: 'hidden', textOverflow: 'ellipsis',
  } as const;
  return (
    <div style={frame}>
      <div style={title}>{panel.title}</div>
      <div style={{ padding: '0 8px' }}>
        <PanelContent panel={panel} range={range} variables={variables} theme={theme}
          annotations={annotations} onDrawn={onDrawn}
          width={box.width - 18} height={box.height - header - 8} />
      </div>
    </div>
  );
}

async function loadAnnotations(): Promise<Annotation[]> {
  const colours: Record<string, string> = { purple: '#b877d9', red: '#f2495c' };
  const step = 60;
  const result: Annotation[] = [];
  for (const { expr, enable, iconColor } of dashboard.annotations.list) {
    if (!expr || !enable) {
      continue;
    }
    const filled = interpolate(expr, variables, range);
    for (const frame of await queryRange(filled, undefined, { ...range, step })) {
      // Consecutive points are one annotation, at the first of them.
      frame.fields[1].values.forEach((value, index, values) => {
        if (value !== null && (index === 0 || values[index - 1] === null)) {
          result.push({ time: frame.fields[0].values[index], colour: colours[iconColor] });
        }
      });
    }
  }
  return result;
}

function Page() {
  const panels = layout();
  const [annotations, setAnnotations] = useState<Annotation[]>();
  const [pending, setPending] = useState(panels.filter(({ panel }) => panel.type !== 'row').length);
  useEffect(() => void loadAnnotations().then(setAnnotations), []);
  const bottom = Math.max(...panels.map(({ panel, top }) => top + panel.gridPos.h));
  const height = bottom * (unit + gap);
  useEffect(() => {
    if (annotations && pending === 0) {
      document.body.dataset.done = 'yes';
    }
    document.body.dataset.height = `${height + 64}`;
  });
  const chosen = Object.entries(variables).filter(([name, value]) => params.get(name) && value !== '.+');
  const subtitle = { fontSize: 14, fontWeight: 400, color: theme.colors.text.secondary, marginLeft: 16 };
  return (
    <ThemeContext.Provider value={theme}>
      <div style={{ height: 40, fontSize: 20, fontWeight: 500 }}>
        {dashboard.title}
        <span style={subtitle}>{chosen.map(([name, value]) => `${name}: ${value}`).join('   ')}</span>
      </div>
      <div style={{ position: 'relative', width, height }}>
        {annotations && panels.map(({ panel, top }, index) => (
          <PanelFrame key={index} panel={panel} top={top} annotations={annotations}
            onDrawn={() => setPending((count) => count - 1)} />
        ))}
      </div>
    </ThemeContext.Provider>
  );
}

createRoot(document.getElementById('root')!).render(<Page />);
