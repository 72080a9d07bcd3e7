import type { ReactNode } from 'react';
import { plain } from './format.js';

export interface Fact {
  readonly label: string;
  readonly value: ReactNode;
}

/** Names and values below each other. */
export function Facts({ facts }: { readonly facts: readonly (Fact | false)[] }) {
  return (
    <table className="grid facts">
      <tbody>
        {facts
          .filter((fact) => fact !== false)
          .map(({ label, value }) => (
            <tr key={label}>
              <th className="foreign" scope="row">
                {plain(label)}
              </th>
              <td>{typeof value === 'string' ? <bdi className="foreign">{plain(value)}</bdi> : value}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}
