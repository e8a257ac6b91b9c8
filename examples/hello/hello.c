#include <stdio.h>

int main(void)
{
    puts("Hello, Xen!");
    return 0;
}
