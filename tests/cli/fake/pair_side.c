/* A program that speaks the pair protocol (version 1, see METHODOLOGY): a benchmark of one loop, as an engine may have it.
 *
 *   cc -O2 -o pair_side pair_side.c
 *   tickbench compare --command-a './pair_side 64' --command-b './pair_side 128'
 *
 * The argument is how many steps of a xorshift generator one round makes. Lines come in on stdin, answers go to stdout. */
#define _POSIX_C_SOURCE 199309L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t state;

static void run(long rounds, long steps)
{
    uint64_t x = state;
    for (long i = 0; i < rounds * steps; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    state = x;
}

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1000000000LL * now.tv_sec + now.tv_nsec;
}

int main(int argc, char **argv)
{
    long steps = argc > 1 ? atol(argv[1]) : 64;
    char line[256];
    while (fgets(line, sizeof line, stdin)) {
        unsigned long seed;
        long rounds, priming;
        if (sscanf(line, "turn %ld %ld", &rounds, &priming) == 2) {
            run(priming, steps);
            long long start = now_ns();
            run(rounds, steps);
            printf("took %lld\n", now_ns() - start);
        } else if (sscanf(line, "check %lu", &seed) == 1) {
            printf("digest %lu\n", seed); /* what a real engine hashes: the answers to the input of this seed */
        } else if (sscanf(line, "open %lu", &seed) == 1) {
            state = seed | 1;
            printf("ready 1\n");
        } else if (strncmp(line, "hello", 5) == 0) {
            printf("hello 1\n");
        } else if (strncmp(line, "histograms", 10) == 0) {
            printf("histograms -\n");
        } else if (strncmp(line, "close", 5) == 0) {
            printf("closed\n");
        } else {
            printf("failed unknown line\n");
        }
        fflush(stdout); /* an answer that stays in the buffer is none */
    }
    return 0;
}
