import type { CmpProfile } from '../../api/types.js';
import type { ManagedFormProps } from '../../components/managed.js';
import { words } from '../../strings/index.js';
import { ProfileForm, type ProfileFormKind } from '../profiles/profile-form.js';

const { cmp, profiles } = words;

const kind: ProfileFormKind<CmpProfile, object> = {
  protocol: 'cmp',
  words: { ...cmp, connector: profiles.connector },
  baseUrl: { field: 'javaBaseUrl', label: cmp.javaBaseUrl, hint: cmp.javaBaseUrlHint, of: ({ javaBaseUrl }) => javaBaseUrl },
  own: () => ({}),
  rules: {},
  body: () => ({}),
};

/** Add and edit a CMP profile. */
export const CmpForm = (props: ManagedFormProps<CmpProfile>) => <ProfileForm kind={kind} {...props} />;
