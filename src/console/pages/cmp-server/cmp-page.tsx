import { ProfileDetail } from '../profiles/profile-detail.js';
import { ProfilesPage } from '../profiles/profiles-page.js';
import { cmpKind } from './cmp-kind.js';

export const CmpPage = () => <ProfilesPage kind={cmpKind} />;
export const CmpDetail = () => <ProfileDetail kind={cmpKind} />;
