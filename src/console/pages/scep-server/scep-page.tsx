import { ProfileDetail } from '../profiles/profile-detail.js';
import { ProfilesPage } from '../profiles/profiles-page.js';
import { scepKind } from './scep-kind.js';

export const ScepPage = () => <ProfilesPage kind={scepKind} />;
export const ScepDetail = () => <ProfileDetail kind={scepKind} />;
