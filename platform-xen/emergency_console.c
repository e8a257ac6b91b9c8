#include <platform/emergency_console.h>

#include "hypercall.h"

bool emergency_console_write(const char *text, size_t len)
{
    return hypercall_console_io(CONSOLEIO_write, (unsigned)len, (char *)(uintptr_t)text) >= 0;
}

size_t emergency_console_read(char *buffer, size_t size)
{
    long n = hypercall_console_io(CONSOLEIO_read, (unsigned)size, buffer);

    return n > 0 ? (size_t)n : 0;
}
