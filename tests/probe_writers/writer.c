/* Records known values, ends with an operation in flight, and waits until its standard input is closed. */
#ifndef _GNU_SOURCE // C++ compilers define it
#define _GNU_SOURCE
#endif
#include "tickbench_probe.h"

int main(int count, char **arguments) {
    static const char *const stages[] = {"idle", "parse", "book"};
    tbp_page page;
    int failed = tbp_page_create(&page, "c_writer", stages, 3, 4);
    if (failed) return fprintf(stderr, "no page: %s\n", strerror(failed)), 1;
    tbp_slot *tick = tbp_histogram(&page, "tick", "XBTUSD"), *laps = tbp_histogram_of(&page, "laps", "", 4, 1000000, 2);
    tbp_slot *orders = tbp_counter(&page, "orders", "orders"), *depth = tbp_gauge(&page, "depth", "");
    if (!tick || !laps || !orders || !depth) return fprintf(stderr, "no room\n"), 1;
    int64_t values = count > 1 ? atoll(arguments[1]) : 1000, t = tbp_now(laps);
    for (int64_t i = 0; i < values; i++) {
        tbp_record(tick, i * i);
        tbp_add(orders, 2);
        t = tbp_lap(laps, t);
    }
    tbp_record(tick, -1);
    tbp_record(tick, INT64_MAX);
    tbp_put(depth, -5);
    tbp_begin(tick);
    tbp_cancel(tick);
    tbp_begin(tick);
    tbp_stage(tick, 2);
    tbp_correlate(tick, 4711);
    tbp_beat(&page);
    printf("%s\n", page.path);
    fflush(stdout);
    if (getchar() == 'c') tbp_page_close(&page, 0);
    return 0;
}
