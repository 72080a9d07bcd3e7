import { Button } from '@mantine/core';
import { type ReactNode, useState } from 'react';

interface DrawerButtonProps {
  readonly label: string;
  readonly icon: ReactNode;
  /** The drawer, which is there only while it is open. */
  readonly children: (close: () => void) => ReactNode;
}

/** A button that opens a form at the side of the page. */
export function DrawerButton({ label, icon, children }: DrawerButtonProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button variant="default" size="xs" leftSection={icon} onClick={() => setOpen(true)}>
        {label}
      </Button>
      {isOpen && children(() => setOpen(false))}
    </>
  );
}
