/*
 * The least there is: a program that prints its verdict and returns.
 */
#include <stdio.h>

int main(void)
{
    puts("PASS");
    return 0;
}
