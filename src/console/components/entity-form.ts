import { type ChangeEvent, useState } from 'react';
import { ApiProblem } from '../api/call.js';
import { useChange } from '../api/hooks.js';

export type Rules<V> = { readonly [K in keyof V]?: (value: V[K]) => string | null };
type Errors<V> = { readonly [K in keyof V]?: string };

interface EntityFormOptions<V, T> {
  readonly initialValues: V;
  readonly rules: Rules<V>;
  /** Fields whose name is not the API's, by the last part of the path there. */
  readonly fields?: Readonly<Record<string, keyof V & string>>;
  save(values: V): Promise<T>;
  onSaved(saved: T): void;
}

export interface Field<T> {
  readonly value: T;
  readonly error: string | undefined;
  onChange(change: ChangeEvent<HTMLInputElement | HTMLTextAreaElement> | T | null): void;
}

/** What the frame around a form needs to know of it. */
export interface FormState {
  readonly isDirty: boolean;
  readonly isBusy: boolean;
  readonly error: Error | null;
  /** Whether the form shows the fault of this path beside a field. */
  hasField(path: string): boolean;
  /** Puts what the server finds wrong beside the fields it found it in. */
  mark(error: Error): void;
  submit(): void;
}

export interface EntityForm<V> extends FormState {
  readonly values: V;
  /** What an input of the kit needs to show and change one value. */
  field<K extends keyof V>(name: K): Field<V[K]>;
  set<K extends keyof V>(name: K, value: V[K]): void;
}

/** A form that checks while one types, and puts what the server finds wrong beside the field it found it in. */
export function useEntityForm<V extends object, T>({ initialValues, rules, fields = {}, save, onSaved }: EntityFormOptions<V, T>): EntityForm<V> {
  const [initial] = useState(initialValues);
  const [values, setValues] = useState(initialValues);
  const [errors, setErrors] = useState<Errors<V>>({});
  // The form is told within the change: what is read again afterwards may put another form in its place, which would never hear of it.
  const change = useChange(async (given: V) => {
    const saved = await save(given);
    onSaved(saved);
    return saved;
  });
  const fieldOf = (path: string): string => fields[lastOf(path)] ?? lastOf(path);
  const hasField = (path: string): boolean => fieldOf(path) in initial;
  const set = <K extends keyof V>(name: K, value: V[K]): void => {
    setValues((before) => ({ ...before, [name]: value }));
    setErrors((before) => ({ ...before, [name]: rules[name]?.(value) ?? undefined }));
  };
  const mark = (error: Error): void => {
    if (!(error instanceof ApiProblem)) return;
    const shown = error.errors.filter(({ path }) => hasField(path));
    setErrors(Object.fromEntries(shown.map(({ path, message }) => [fieldOf(path), message])) as Errors<V>);
  };
  const submit = (): void => {
    const found = check(values, rules);
    setErrors(found);
    if (Object.values(found).some((message) => message !== undefined)) {
      focusFirstFault();
      return;
    }
    change.mutate(values, { onError: mark });
  };
  const field = <K extends keyof V>(name: K): Field<V[K]> => ({
    value: values[name],
    error: errors[name],
    onChange: (given) => set(name, isEvent(given) ? (given.currentTarget.value as V[K]) : (given as V[K])),
  });
  const isDirty = Object.keys(initial).some((name) => values[name as keyof V] !== initial[name as keyof V]);
  return { values, isDirty, isBusy: change.isPending, error: change.error, field, set, hasField, mark, submit };
}

function isEvent(given: unknown): given is ChangeEvent<HTMLInputElement> {
  return typeof given === 'object' && given !== null && 'currentTarget' in given;
}

function check<V extends object>(values: V, rules: Rules<V>): Errors<V> {
  const names = Object.keys(rules) as (keyof V)[];
  return Object.fromEntries(names.map((name) => [name, rules[name]?.(values[name]) ?? undefined])) as Errors<V>;
}

/** `config.url` stands beside the field `url`, `recipients.0` beside `recipients`. */
function lastOf(path: string): string {
  return path.split('.').findLast((part) => !/^\d+$/.test(part)) ?? '';
}

/** Takes the reader to what must be mended, once it is drawn. */
function focusFirstFault(): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>('form [aria-invalid="true"]')?.focus());
}
