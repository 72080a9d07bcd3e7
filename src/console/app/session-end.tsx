import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { call } from '../api/call.js';
import { endedQuery } from '../api/queries.js';
import { forgetToken } from '../api/token.js';
import { useSession } from './session.js';

const Ended = lazy(async () => ({ default: (await import('./session-ended.js')).SessionEnded }));

/** Where the tabs of one browser tell each other that somebody is there: ms since 1970. */
const activeKey = 'gatehouse.active';
const checkMs = 10_000;
const noteMs = 5_000;

/** Leads to the login and, after that, back to here. */
function useLeave(): (ended?: 'idle') => void {
  const queries = useQueryClient();
  const navigate = useNavigate();
  return (ended) => {
    const next = globalThis.location.pathname + globalThis.location.search;
    forgetToken();
    queries.clear();
    void navigate({ to: '/login', search: { next, ended } as never });
  };
}

/** The end of a session: said without taking the page away, since somebody may have typed something; and after idle time brought about. */
export function SessionEnd() {
  const { data: hasEnded } = useQuery(endedQuery);
  const [isRead, setRead] = useState(false);
  const leave = useLeave();
  useIdleEnd(() => leave('idle'));
  if (!hasEnded || isRead) return null;
  return (
    <Suspense>
      <Ended stay={() => setRead(true)} leave={() => leave()} />
    </Suspense>
  );
}

/** Lists that are read again by themselves keep a session alive at the server; so it is here that nobody is noticed to be there any more. */
function useIdleEnd(leave: () => void): void {
  const { idleSeconds } = useSession();
  const left = useRef(leave);
  left.current = leave;
  useEffect(() => {
    if (idleSeconds === null) return undefined;
    let noted = 0;
    const note = (): void => {
      if (Date.now() - noted < noteMs) return;
      noted = Date.now();
      localStorage.setItem(activeKey, String(noted));
    };
    const check = (): void => {
      if (Date.now() - Number(localStorage.getItem(activeKey)) < idleSeconds * 1_000) return;
      clearInterval(timer);
      void call('/session', { method: 'DELETE' })
        .catch(() => undefined)
        .then(() => left.current());
    };
    const signs = ['pointerdown', 'pointermove', 'keydown', 'wheel'] as const;
    for (const sign of signs) globalThis.addEventListener(sign, note, { passive: true });
    const timer = setInterval(check, checkMs);
    note();
    return () => {
      clearInterval(timer);
      for (const sign of signs) globalThis.removeEventListener(sign, note);
    };
  }, [idleSeconds]);
}
