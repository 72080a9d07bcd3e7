import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { ApiProblem, openStream, type Query } from './call.js';

/** How soon lists are read again after an event, and figures, which cost more; however many events there are. */
const listsMs = 700;
const figuresMs = 4_000;
const comeBackMs = 2_000;

const isList = (place: unknown): boolean => String(place).startsWith('/orders');
const isFigures = (place: unknown): boolean => place === '/dashboard' || String(place).endsWith('/summary');

/**
 * Follows what happens to orders (server-sent events): what is shown of orders is read again when something did.
 *
 * @returns Whether the stream is open; while it is not, lists have to ask by themselves.
 */
export function useLiveOrders(query: Query): boolean {
  const queries = useQueryClient();
  const [isLive, setLive] = useState(false);
  const key = JSON.stringify(query);
  useEffect(() => {
    const end = new AbortController();
    const again = (wanted: (place: unknown) => boolean) => () => void queries.invalidateQueries({ predicate: ({ queryKey }) => wanted(queryKey[0]) });
    const [readLists, readFigures] = [atMostEvery(listsMs, again(isList)), atMostEvery(figuresMs, again(isFigures))];
    const told = (): void => {
      readLists.soon();
      readFigures.soon();
    };
    void follow(JSON.parse(key) as Query, end.signal, { told, setLive });
    return () => {
      end.abort();
      readLists.never();
      readFigures.never();
    };
  }, [key, queries]);
  return isLive;
}

/** However often it is asked for, the act happens once in the time given. */
function atMostEvery(ms: number, act: () => void) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const run = (): void => {
    timer = undefined;
    act();
  };
  return {
    soon: (): void => {
      timer ??= setTimeout(run, ms);
    },
    never: (): void => clearTimeout(timer),
  };
}

interface Follower {
  told(): void;
  setLive(isLive: boolean): void;
}

/** Comes back after every end, with the id of the last event; not where the server says that this caller may not. */
async function follow(query: Query, signal: AbortSignal, { told, setLive }: Follower): Promise<void> {
  let lastId: string | undefined;
  let isFirst = true;
  while (!signal.aborted) {
    try {
      const stream = await openStream('/orders/events', query, signal, lastId);
      setLive(true);
      if (!isFirst) told();
      isFirst = false;
      for await (const id of eventsOf(stream)) {
        lastId = id ?? lastId;
        told();
      }
    } catch (error) {
      if (error instanceof ApiProblem && error.status >= 400 && error.status < 500) return;
    } finally {
      if (!signal.aborted) setLive(false);
    }
    await new Promise((resolve) => setTimeout(resolve, comeBackMs));
  }
}

/** The ids of the events of a stream as they come (WHATWG HTML, section 9.2.6); comments are none. */
async function* eventsOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string | undefined> {
  const reader = stream.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) if (/^data:/m.test(block)) yield /^id: ?(.*)$/m.exec(block)?.[1];
  }
}
