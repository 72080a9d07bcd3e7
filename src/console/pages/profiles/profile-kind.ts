import type { ComponentType } from 'react';
import type { CmpProfile, CmpSummary, ScepProfile, ScepSummary } from '../../api/types.js';
import type { Column } from '../../components/data-table.js';
import type { Fact } from '../../components/facts.js';
import type { Figure } from '../../components/figures.js';
import type { ManagedFormProps } from '../../components/managed.js';
import type { ShownSecret } from '../../components/secret-shown.js';

export type Profile = CmpProfile | ScepProfile;
export type Summary = CmpSummary | ScepSummary;

/** What the pages of CMP and of SCEP profiles differ in; everything else is one page. */
export interface ProfileKind<P extends Profile, S extends Summary> {
  readonly protocol: 'cmp' | 'scep';
  /** Of the API. */
  readonly path: '/cmp-profiles' | '/scep-profiles';
  /** Of the console. */
  readonly place: '/cmp-server' | '/scep-server';
  readonly words: {
    readonly title: string;
    readonly text: string;
    readonly add: string;
    readonly list: string;
    readonly emptyTitle: string;
    readonly emptyText: string;
  };
  readonly figures: readonly Figure<S>[];
  readonly columns: readonly Column<P>[];
  readonly Form: ComponentType<ManagedFormProps<P>>;
  /** A secret that is shown once after a profile was made; undefined where the server made none. */
  secretOf(profile: P): ShownSecret | undefined;
  /** How devices reach it. */
  endpoint(profile: P): readonly (Fact | false)[];
  /** What it has of its own on the first tab: credentials, certificates. */
  readonly Credentials: ComponentType<{ readonly profile: P }>;
}
