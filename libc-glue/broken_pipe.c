#include <signal.h>

#include "interrupt.h"

void interrupt_broken_pipe(void)
{
    raise(SIGPIPE);
}
