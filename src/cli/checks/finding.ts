/** One line of `gatehouse doctor`. `todo` says what to do about it. */
export interface Finding {
  readonly state: 'ok' | 'warn' | 'fail';
  readonly what: string;
  readonly detail: string;
  readonly todo?: string;
}

export function good(what: string, detail: string): Finding {
  return { state: 'ok', what, detail };
}

export function warning(what: string, detail: string, todo: string): Finding {
  return { state: 'warn', what, detail, todo };
}

export function failure(what: string, detail: string, todo: string): Finding {
  return { state: 'fail', what, detail, todo };
}
