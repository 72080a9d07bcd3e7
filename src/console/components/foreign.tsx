import { plain } from './format.js';

/** Text that somebody outside wrote: isolated, so that it cannot turn its surroundings around, and cut where `wrap` is not wanted. */
export function Foreign({ text, wrap = false }: { readonly text: string; readonly wrap?: boolean }) {
  const shown = plain(text);
  return wrap ? (
    <bdi className="foreign">{shown}</bdi>
  ) : (
    <bdi className="cell-text" title={shown}>
      {shown}
    </bdi>
  );
}
