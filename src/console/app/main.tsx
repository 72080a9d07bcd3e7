import '@mantine/core/styles.css';
import './console.css';
import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createQueries, sessionQuery } from '../api/queries.js';
import { Announcements } from './announce.js';
import { createConsoleRouter, warmUp } from './router.js';
import { TenantProvider } from './tenant.js';
import { theme } from './theme.js';
import { allowStyleTextOnly, takeStyleNonce } from './trusted-types.js';

allowStyleTextOnly();
const nonce = takeStyleNonce();
const queries = createQueries();
const router = createConsoleRouter(queries);
warmUp(globalThis.location.pathname);
void queries.prefetchQuery(sessionQuery);
const place = document.getElementById('root');
if (place === null) throw new Error('the page has no place for the console');

createRoot(place).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <Announcements />
      <QueryClientProvider client={queries}>
        <TenantProvider>
          <RouterProvider router={router} />
        </TenantProvider>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
