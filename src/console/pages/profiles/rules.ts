import { words } from '../../strings/index.js';

const { common, profiles } = words;

export const required = (value: string | null): string | null => (value === null || value.trim() === '' ? common.required : null);

/** As the API has it; the server checks again. */
export const endpointPathRule = (value: string): string | null => (value === '' || /^[A-Za-z0-9._-]{1,64}$/.test(value) ? null : profiles.endpointPathWrong);

export function baseUrlRule(value: string): string | null {
  if (value === '') return null;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isFine = url !== undefined && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '';
  return isFine ? null : profiles.urlWrong;
}

/** The endpoint path that the server would make of a name, for the preview. */
export function pathFrom(name: string): string {
  const ascii = name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase();
  return ascii
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64);
}
