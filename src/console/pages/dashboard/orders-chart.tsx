import { Group, Text } from '@mantine/core';
import { showDay, showNumber } from '../../components/format.js';
import { words } from '../../strings/index.js';
import { type Day, results } from './days.js';

const { chart } = words.dashboard;
const height = 120;

/** Orders per day by result: bars to see, the same figures as a table to hear. */
export default function OrdersChart({ days }: { readonly days: readonly Day[] }) {
  const most = Math.max(1, ...days.map((day) => day.issued + day.refused + day.open));
  return (
    <div>
      <svg viewBox={`0 0 ${days.length * 10} ${height}`} preserveAspectRatio="none" className="bars" aria-hidden="true">
        {days.map((day, place) => (
          <Bar key={day.day} day={day} at={place * 10} most={most} />
        ))}
      </svg>
      <Group justify="space-between" aria-hidden>
        <Text size="xs" c="dimmed">
          {showDay(days[0]?.day ?? '')}
        </Text>
        <Text size="xs" c="dimmed">
          {chart.most(showNumber(most))}
        </Text>
        <Text size="xs" c="dimmed">
          {chart.today}
        </Text>
      </Group>
      <Group gap="md" mt={4} aria-hidden>
        {results.map((result) => (
          <Group key={result} gap={6}>
            <span className="swatch" data-result={result} />
            <Text size="xs">{chart.results[result]}</Text>
          </Group>
        ))}
      </Group>
      <table className="unseen">
        <caption>{chart.title(days.length)}</caption>
        <thead>
          <tr>
            <th scope="col">{chart.day}</th>
            {results.map((result) => (
              <th key={result} scope="col">
                {chart.results[result]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {days.map((day) => (
            <tr key={day.day}>
              <th scope="row">{showDay(day.day)}</th>
              {results.map((result) => (
                <td key={result}>{showNumber(day[result])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Bar({ day, at, most }: { readonly day: Day; readonly at: number; readonly most: number }) {
  const told = results.map((result) => `${chart.results[result]}: ${showNumber(day[result])}`).join(', ');
  let top = height;
  return (
    <g>
      <title>{`${showDay(day.day)}: ${told}`}</title>
      <rect x={at} y={0} width={10} height={height} className="bar-ground" />
      {results.map((result) => {
        const size = (day[result] / most) * (height - 4);
        top -= size;
        return <rect key={result} x={at + 1.5} y={top} width={7} height={size} data-result={result} />;
      })}
    </g>
  );
}
