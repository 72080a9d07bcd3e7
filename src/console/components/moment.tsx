import { showDistance, showTime } from './format.js';

/** A point in time: how long ago at a glance, exactly on hover. */
export function Moment({ at, exact = false }: { readonly at: string; readonly exact?: boolean }) {
  const time = showTime(at);
  return (
    <time dateTime={at} title={time} style={{ whiteSpace: 'nowrap' }}>
      {exact ? time : showDistance(at)}
    </time>
  );
}
