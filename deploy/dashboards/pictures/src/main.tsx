// A dashboard as a page: its rows and panels where Grafana has them.
//
// ?board=fleet&from=SECONDS&to=SECONDS&width=PIXELS&rows=A|B&namespace=...&verbatim_job=...&worker=...
import { createTheme } from '@grafana/data';
import { ThemeContext } from '@grafana/ui';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

import fleet from '../../fleet.json';
import job from '../../job.json';
import memory from '../../memory.json';
import { Content, type Mark } from './panels';
import { filled, over, type Range } from './prometheus';

const boards: Record<string, any> = { fleet, job, memory };
const asked = new URLSearchParams(location.search);
const board = boards[asked.get('board') ?? 'fleet'];
const [from, to] = [Number(asked.get('from')), Number(asked.get('to'))];
const points = 180;
const range: Range = { from, to, step: Math.max(5, Math.round((to - from) / points / 5) * 5) };
const variables = Object.fromEntries(['namespace', 'verbatim_job', 'worker'].map((name) => [name, asked.get(name) ?? '.+']));
const rows = asked.get('rows')?.split('|');
const theme = createTheme({ colors: { mode: 'dark' } });
// Grafana's grid: 24 columns, 30 pixels a unit of height, 8 between.
const width = Number(asked.get('width') ?? 1600) - 16;
const [unit, gap, head] = [30, 8, 34];

/** Panels with their places, of the rows that are asked for, moved up to where the others were. */
function placed() {
  const found: Array<{ panel: any; top: number }> = [];
  let show = true, skipped = 0, end = 0;
  for (const panel of board.panels) {
    if (panel.type === 'row') {
      show = !rows || rows.includes(panel.title);
    }
    const bottom = panel.gridPos.y + panel.gridPos.h;
    if (show) {
      found.push({ panel, top: panel.gridPos.y - skipped });
    } else if (bottom > end) {
      skipped += bottom - Math.max(end, panel.gridPos.y);
    }
    end = Math.max(end, bottom);
  }
  return found;
}

function Frame({ panel, top, marks, done }: { panel: any; top: number; marks: Mark[]; done: () => void }) {
  const { x, w, h } = panel.gridPos;
  const place = { position: 'absolute', left: (x * width) / 24, top: top * (unit + gap), width: (w * width) / 24 - gap, height: h * unit + (h - 1) * gap } as const;
  if (panel.type === 'row') {
    return <div style={{ ...place, width, fontSize: 16, fontWeight: 500, lineHeight: '30px' }}>{panel.title}</div>;
  }
  const [inner, outer] = [{ width: place.width - 18, height: place.height - head - 8 }, theme.colors];
  return (
    <div style={{ ...place, boxSizing: 'border-box', background: outer.background.primary, border: `1px solid ${outer.border.weak}`, borderRadius: 4, overflow: 'hidden' }}>
      <div style={{ height: head, lineHeight: `${head}px`, padding: '0 8px', fontWeight: 500, whiteSpace: 'nowrap', overflow: 'hidden', textOverflow: 'ellipsis' }}>{panel.title}</div>
      <div style={{ padding: '0 8px' }}>
        <Content panel={panel} range={range} variables={variables} theme={theme} marks={marks} done={done} {...inner} />
      </div>
    </div>
  );
}

async function annotations(): Promise<Mark[]> {
  const colours: Record<string, string> = { purple: '#b877d9', red: '#f2495c' };
  const marks: Mark[] = [];
  for (const annotation of board.annotations.list.filter((one: any) => one.expr && one.enable)) {
    // Each run of points without a gap is one mark, at its beginning.
    const step = 60;
    for (const frame of await over(filled(annotation.expr, variables, range), undefined, { ...range, step })) {
      frame.fields[1].values.forEach((value, at, all) => {
        if (value !== null && (at === 0 || all[at - 1] === null)) {
          marks.push({ time: frame.fields[0].values[at], colour: colours[annotation.iconColor] });
        }
      });
    }
  }
  return marks;
}

function Page() {
  const panels = placed();
  const [marks, setMarks] = useState<Mark[]>();
  const [waiting, setWaiting] = useState(panels.filter(({ panel }) => panel.type !== 'row').length);
  useEffect(() => void annotations().then(setMarks), []);
  const bottom = Math.max(...panels.map(({ panel, top }) => top + panel.gridPos.h));
  const height = bottom * (unit + gap);
  useEffect(() => {
    if (marks && waiting === 0) {
      document.body.dataset.done = 'yes';
    }
    document.body.dataset.height = `${height + 64}`;
  });
  return (
    <ThemeContext.Provider value={theme}>
      <div style={{ height: 40, fontSize: 20, fontWeight: 500 }}>
        {board.title}
        <span style={{ fontSize: 14, fontWeight: 400, color: theme.colors.text.secondary, marginLeft: 16 }}>
          {Object.entries(variables).filter(([name, value]) => asked.get(name) && value !== '.+').map(([name, value]) => `${name}: ${value}`).join('   ')}
        </span>
      </div>
      <div style={{ position: 'relative', width, height }}>
        {marks && panels.map(({ panel, top }, at) => (
          <Frame key={at} panel={panel} top={top} marks={marks} done={() => setWaiting((count) => count - 1)} />
        ))}
      </div>
    </ThemeContext.Provider>
  );
}

createRoot(document.getElementById('root')!).render(<Page />);
