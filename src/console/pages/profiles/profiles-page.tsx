import { useQuery } from '@tanstack/react-query';
import { listQuery, oneQuery } from '../../api/queries.js';
import { useTenant } from '../../app/tenant.js';
import { useUrlState } from '../../app/url-state.js';
import { asWindow, Cards, WindowPicker } from '../../components/cards.js';
import { cardsOf } from '../../components/figures.js';
import { useListState } from '../../components/list-state.js';
import { ManagedList } from '../../components/managed-list.js';
import { useSecretShown } from '../../components/secret-shown.js';
import { words } from '../../strings/index.js';
import { bulkOf } from './bulk-of.js';
import { profileFilterNames, useProfileFilters } from './profile-filters.js';
import type { Profile, ProfileKind, Summary } from './profile-kind.js';
import { useDeletion } from './use-deletion.js';

const { profiles } = words;

/** The profiles of one protocol: cards, search, list, form. */
export function ProfilesPage<P extends Profile, S extends Summary>({ kind }: { readonly kind: ProfileKind<P, S> }) {
  const { path, place } = kind;
  const [url, change] = useUrlState();
  const { tenantId } = useTenant();
  const state = useListState({ filters: profileFilterNames, sort: '-createdAt' });
  const window = asWindow(url.window);
  const summary = useQuery(oneQuery<S>(`${path}/summary`, { window, tenantId }, 15_000));
  const result = useQuery(listQuery<P>(path, state.query, 15_000));
  const secret = useSecretShown();
  return (
    <ManagedList<P>
      {...{ path, place, writes: 'profile:write', state, result }}
      words={{ ...kind.words, created: profiles.created, saved: profiles.saved }}
      searchBy={profiles.searchBy}
      filters={useProfileFilters()}
      columns={kind.columns}
      form={kind.Form}
      deletion={useDeletion(path, profiles.deleteText, profiles.deleted)}
      bulk={bulkOf<P>({ path, writes: 'profile:write' }, profiles.deleteText)}
      onSaved={(profile) => secret.show(kind.secretOf(profile))}
      head={<WindowPicker value={window} onChange={(chosen) => change({ window: chosen })} readAt={summary.dataUpdatedAt} />}
    >
      <Cards cards={cardsOf(kind.figures, summary.data)} />
      {secret.dialog}
    </ManagedList>
  );
}
