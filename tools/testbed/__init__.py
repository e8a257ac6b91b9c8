"""The testbed: a real Xen host, the distribution's own, inside QEMU."""
