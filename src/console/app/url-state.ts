import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';

/** What stands behind the `?` of the address: plain names and texts, so that a view is a link somebody can read. */
export type UrlState = Readonly<Record<string, string | undefined>>;

export function parseSearch(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text));
}

export function writeSearch(state: Record<string, unknown>): string {
  const given = Object.entries(state).filter((entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== '');
  const text = new URLSearchParams(given).toString();
  return text === '' ? '' : `?${text}`;
}

/** The state in the address, and a way to change parts of it; what is undefined goes. */
export function useUrlState(): readonly [UrlState, (change: UrlState, push?: boolean) => void] {
  const state = useSearch({ strict: false }) as UrlState;
  const navigate = useNavigate();
  const change = useCallback(
    (parts: UrlState, push = false) => void navigate({ to: '.', search: (before: UrlState) => ({ ...before, ...parts }), replace: !push } as never),
    [navigate],
  );
  return [state, change];
}
