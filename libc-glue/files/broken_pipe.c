#include <signal.h>

#include "signals/interrupt.h"

void interrupt_broken_pipe(void)
{
    raise(SIGPIPE);
}
