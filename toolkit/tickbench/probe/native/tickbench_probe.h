/* The probe page of tickbench for C and C++: latency histograms in shared memory, readable while the program runs and after it
 * was killed. One header, no dependency, Linux; gcc or clang (their __atomic builtins are C11's atomics, also in C++).
 *
 *     static const char *const stages[] = {"idle", "parse", "book"};
 *     tbp_page page;
 *     int failed = tbp_page_create(&page, "my_engine", stages, 3, 32);     // once a process; 0, or an errno
 *     tbp_slot *tick = tbp_histogram(&page, "tick", "");                    // one writer a slot: claim one a thread
 *     tbp_begin(tick); tbp_stage(tick, 1); ...; tbp_end(tick);              // records the time between, returns it in ns
 *     int64_t t = tbp_now(tick); ...; t = tbp_lap(parse, t);                // the time since t; the next lap starts here
 *     tbp_beat(&page);                                                      // about once a second, from the loop that must turn
 *     tbp_page_close(&page, 0);                                             // 1: leave the file for readers
 *
 * A slot that Python made in its page serves here as well: (tbp_slot *)address. The layout is documented in layout.py, version 1.
 * The page is not inherited by fork: a child that records into its parent's slots ends by SIGSEGV instead of spoiling them. It
 * makes a page of its own. */
#ifndef TICKBENCH_PROBE_H
#define TICKBENCH_PROBE_H

#ifndef _GNU_SOURCE
#error "define _GNU_SOURCE before the first #include (or compile with -D_GNU_SOURCE)"
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the probe page is little-endian"
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct { int64_t words[1]; } tbp_slot; /* its address is what counts; see layout.py */
typedef struct { uint8_t *base; size_t bytes; char path[PATH_MAX]; } tbp_page;

enum { TBP_STAGES_AT = 4096, TBP_DIRECTORY_AT = 8192, TBP_SLOTS_AT = 73728, TBP_ENTRIES = 256, TBP_STAGES = 64, TBP_NAME = 64 };
enum { TBP_HISTOGRAM = 1, TBP_COUNTER = 2, TBP_GAUGE = 3, TBP_READY = 2, TBP_LIVE = 1, TBP_CLOSED = 2 };
enum { /* words of the page's header */
    TBP_P_STATE = 7, TBP_P_CLOCK = 8, TBP_P_NS_PER_TICK, TBP_P_TICKS, TBP_P_MONO, TBP_P_REAL, TBP_P_ERROR,
    TBP_P_HEARTBEAT = 16, TBP_P_TABLES = 24, TBP_P_CLAIMED = 48, TBP_P_CLAIMED_BYTES };
enum { /* words of a histogram slot */
    TBP_OPERATION, TBP_START, TBP_STAGE, TBP_CORRELATION, TBP_CLOCK = 8, TBP_NS_PER_TICK,
    TBP_COUNT = 16, TBP_SUM, TBP_MAX, TBP_MIN, TBP_OVER = 32, TBP_NEGATIVE,
    TBP_LIMIT = 48, TBP_MASK, TBP_TOP_BIT, TBP_HALF, TBP_OFFSET, TBP_BUCKETS, TBP_LOWEST, TBP_HIGHEST, TBP_DIGITS,
    TBP_COUNTS = 64 };

/* Relaxed where there is one writer and the word must not tear; release where a reader's acquire pairs with it. */
static inline int64_t tbp_load_(const int64_t *at) { return __atomic_load_n(at, __ATOMIC_RELAXED); }
static inline void tbp_set_(int64_t *at, int64_t value) { __atomic_store_n(at, value, __ATOMIC_RELAXED); }
static inline void tbp_publish_(int64_t *at, int64_t value) { __atomic_store_n(at, value, __ATOMIC_RELEASE); }

static inline int64_t tbp_clock_ns_(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t tbp_ticks_(int64_t clock) {
#if defined(__x86_64__)
    if (clock == 0) return (int64_t)__rdtsc();
#endif
    (void)clock;
    return tbp_clock_ns_(CLOCK_MONOTONIC);
}

/* The time in ticks of the slot's clock. */
static inline int64_t tbp_now(const tbp_slot *slot) { return tbp_ticks_(slot->words[TBP_CLOCK]); }

/* A difference of two readings in ns, to the nearest. */
static inline int64_t tbp_elapsed_ns(const tbp_slot *slot, int64_t ticks) {
    double rate, ns;
    memcpy(&rate, &slot->words[TBP_NS_PER_TICK], sizeof rate);
    ns = (double)ticks * rate;
    return (int64_t)(ns < 0 ? ns - 0.5 : ns + 0.5);
}

/* Count one value; 1, or 0 if it has no bucket and was counted as negative or over-range. */
static inline int tbp_record(tbp_slot *slot, int64_t value_ns) {
    int64_t *w = slot->words;
    /* forbids that this bucket is stored before the count of the last record: a reader sees one uncounted at most */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    if (__builtin_expect(value_ns < 0 || value_ns > w[TBP_LIMIT], 0)) {
        int64_t *outside = &w[value_ns < 0 ? TBP_NEGATIVE : TBP_OVER];
        if (value_ns > tbp_load_(&w[TBP_MAX])) tbp_set_(&w[TBP_MAX], value_ns);
        tbp_publish_(outside, tbp_load_(outside) + 1); /* publishes the maximum */
        return 0;
    }
    int64_t shift = w[TBP_TOP_BIT] - __builtin_clzll((unsigned long long)(value_ns | w[TBP_MASK]));
    int64_t *bucket = &w[TBP_COUNTS + (shift << w[TBP_HALF]) + (value_ns >> shift) - w[TBP_OFFSET]];
    tbp_set_(bucket, tbp_load_(bucket) + 1);
    tbp_set_(&w[TBP_SUM], tbp_load_(&w[TBP_SUM]) + value_ns);
    if (value_ns > tbp_load_(&w[TBP_MAX])) tbp_set_(&w[TBP_MAX], value_ns);
    if (value_ns < tbp_load_(&w[TBP_MIN])) tbp_set_(&w[TBP_MIN], value_ns);
    tbp_publish_(&w[TBP_COUNT], tbp_load_(&w[TBP_COUNT]) + 1); /* publishes the record */
    return 1;
}

/* Start an operation; one that was begun and not ended is forgotten. Returns the reading of the clock. */
static inline int64_t tbp_begin(tbp_slot *slot) {
    int64_t *w = slot->words, ticks = tbp_now(slot);
    tbp_publish_(&w[TBP_START], ticks); /* after the even number that ended the last operation */
    tbp_publish_(&w[TBP_OPERATION], (tbp_load_(&w[TBP_OPERATION]) + 1) | 1); /* publishes the start */
    return ticks;
}

/* Tell which stage the operation is in, and what it is about. */
static inline void tbp_stage(tbp_slot *slot, int64_t number) { tbp_publish_(&slot->words[TBP_STAGE], number); }
static inline void tbp_correlate(tbp_slot *slot, int64_t identity) { tbp_set_(&slot->words[TBP_CORRELATION], identity); }

/* End the operation without a record; 1, or 0 if none was begun. */
static inline int tbp_cancel(tbp_slot *slot) {
    int64_t number = tbp_load_(&slot->words[TBP_OPERATION]);
    if (!(number & 1)) return 0;
    tbp_publish_(&slot->words[TBP_OPERATION], number + 1);
    return 1;
}

/* End the operation and count its time; returns that in ns, or -1 if none was begun. */
static inline int64_t tbp_end(tbp_slot *slot) {
    int64_t *w = slot->words, ticks = tbp_now(slot), number = tbp_load_(&w[TBP_OPERATION]);
    if (!(number & 1)) return -1;
    int64_t value_ns = tbp_elapsed_ns(slot, ticks - tbp_load_(&w[TBP_START]));
    tbp_record(slot, value_ns);
    tbp_publish_(&w[TBP_OPERATION], number + 1); /* whoever sees the operation ended finds its record */
    return value_ns;
}

/* Count the time since a reading; returns the reading of now, for the next lap. */
static inline int64_t tbp_lap(tbp_slot *slot, int64_t since) {
    int64_t ticks = tbp_now(slot);
    tbp_record(slot, tbp_elapsed_ns(slot, ticks - since));
    return ticks;
}

/* A counter, a gauge. */
static inline void tbp_add(tbp_slot *slot, int64_t n) { tbp_publish_(slot->words, tbp_load_(slot->words) + n); }
static inline void tbp_put(tbp_slot *slot, int64_t value) { tbp_publish_(slot->words, value); }

/* ---- making a page: nothing below runs on the hot path ---- */

static inline void tbp_text_(uint8_t *at, const char *text, size_t room) {
    size_t length = text ? strlen(text) : 0;
    memcpy(at, text ? text : "", length < room ? length : room - 1); /* the page is zeroed: the last byte stays 0 */
}

static inline int tbp_slurp_(const char *path, char *text, size_t room) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = 0, more;
    if (file < 0) return errno;
    while ((size_t)got < room - 1 && (more = read(file, text + got, room - 1 - (size_t)got)) > 0) got += more;
    close(file);
    text[got] = 0;
    return 0;
}

/* Field 22 of /proc/PID/stat: when this process started, in clock ticks since boot. */
static inline long long tbp_start_ticks_(void) {
    char text[2048], *field;
    if (tbp_slurp_("/proc/self/stat", text, sizeof text) || !(field = strrchr(text, ')'))) return -1;
    for (int blanks = 0; *field && blanks < 20; field++) blanks += *field == ' ';
    return atoll(field);
}

static inline void tbp_boot_id_(uint8_t *at) {
    char text[64], digits[3] = {0};
    int got = 0;
    if (tbp_slurp_("/proc/sys/kernel/random/boot_id", text, sizeof text)) return;
    for (char *c = text; *c && c[1] && got < 16; c++) {
        if (*c == '-') continue;
        digits[0] = *c, digits[1] = *++c;
        at[got++] = (uint8_t)strtol(digits, NULL, 16);
    }
}

/* Whether the time-stamp counter runs at a constant rate, never stops, and is what the kernel keeps time by. */
static inline int tbp_tsc_is_good_(void) {
#if defined(__x86_64__)
    char source[64], info[8192];
    const char *where = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    return !tbp_slurp_(where, source, sizeof source) && !strcmp(source, "tsc\n") && !tbp_slurp_("/proc/cpuinfo", info, sizeof info)
           && strstr(info, " constant_tsc") && strstr(info, " nonstop_tsc");
#else
    return 0;
#endif
}

/* Tightest of many readings between two of CLOCK_MONOTONIC_RAW: ticks, ns in the middle; returns the ns between its ends. */
static inline int64_t tbp_bracket_(int64_t clock, int64_t *ticks, int64_t *ns) {
    int64_t best = INT64_MAX;
    for (int i = 0; i < 2000; i++) {
        int64_t before = tbp_clock_ns_(CLOCK_MONOTONIC_RAW), reading = tbp_ticks_(clock), after = tbp_clock_ns_(CLOCK_MONOTONIC_RAW);
        if (after - before < best) best = after - before, *ticks = reading, *ns = before + best / 2;
    }
    return best;
}

static inline void tbp_calibrate_(int64_t *header) {
    int64_t clock = tbp_tsc_is_good_() ? 0 : 1, ticks[2], ns[2], doubt;
    struct timespec pause = {0, 20000000}; /* 20 ms: 1 ppm, as the calibration in clock.py */
    double rate = 1.0, error = 0.0;
    if (clock == 0) {
        doubt = tbp_bracket_(clock, &ticks[0], &ns[0]);
        nanosleep(&pause, NULL);
        doubt += tbp_bracket_(clock, &ticks[1], &ns[1]);
        rate = (double)(ns[1] - ns[0]) / (double)(ticks[1] - ticks[0]);
        error = (double)doubt / 2 / (double)(ns[1] - ns[0]) * 1e6;
    }
    header[TBP_P_CLOCK] = clock;
    memcpy(&header[TBP_P_NS_PER_TICK], &rate, sizeof rate);
    memcpy(&header[TBP_P_ERROR], &error, sizeof error);
    header[TBP_P_TICKS] = tbp_ticks_(clock);
    header[TBP_P_MONO] = tbp_clock_ns_(CLOCK_MONOTONIC), header[TBP_P_REAL] = tbp_clock_ns_(CLOCK_REALTIME);
}

/* The folder of pages, made if it is not there; EACCES unless it is this user's alone. */
static inline int tbp_folder_(char *folder, size_t room) {
    const char *base = getenv("XDG_RUNTIME_DIR");
    struct stat found;
    int length = base && *base ? snprintf(folder, room, "%s/tickbench", base)
                               : snprintf(folder, room, "/dev/shm/tickbench-%u", (unsigned)getuid());
    if (length < 0 || (size_t)length >= room) return ENAMETOOLONG;
    if (mkdir(folder, 0700) && errno != EEXIST) return errno;
    if (lstat(folder, &found)) return errno;
    return S_ISDIR(found.st_mode) && found.st_uid == getuid() && !(found.st_mode & 077) ? 0 : EACCES;
}

static inline int tbp_good_name_(const char *app) {
    size_t length = strlen(app);
    return length > 0 && length < TBP_NAME
           && strspn(app, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == length;
}

/* What a geometry (lowest, highest, digits) comes to, as the words of the slot from TBP_LIMIT on; its slot's bytes, 0 if bad. */
static inline size_t tbp_geometry_(int64_t lowest, int64_t highest, int digits, int64_t *words) {
    int64_t parts = 2, half, unit, ranges = 1;
    if (digits < 1 || digits > 5 || lowest < 1 || highest / 2 < lowest) return 0;
    for (int i = 0; i < digits; i++) parts *= 10;
    half = 63 - __builtin_clzll((unsigned long long)(parts - 1)), unit = 63 - __builtin_clzll((unsigned long long)lowest);
    if (unit + half + 1 > 62) return 0;
    while (half + unit + ranges < 63 && ((int64_t)1 << (half + unit + ranges)) <= highest) ranges++;
    int64_t limit = half + unit + ranges > 62 ? INT64_MAX : ((int64_t)1 << (half + unit + ranges)) - 1;
    int64_t all[] = {limit, (((int64_t)1 << (half + 1)) - 1) << unit, 63 - half, half, unit << half,
                     (ranges + 1) << half, lowest, highest, digits};
    memcpy(words, all, sizeof all);
    size_t bytes = 8 * ((size_t)TBP_COUNTS + (size_t)all[5]);
    return (bytes + 4095) / 4096 * 4096;
}

/* Room for a slot: its address, or NULL if the page or its directory is full. Any thread may claim at any time. */
static inline tbp_slot *tbp_claim_(tbp_page *page, int64_t kind, const char *name, const char *tag, const char *unit, size_t bytes,
                                   const int64_t *geometry) {
    int64_t *header = (int64_t *)page->base, offset, align = kind == TBP_HISTOGRAM ? 4096 : 128;
    int64_t used = tbp_load_(&header[TBP_P_CLAIMED_BYTES]);
    do {
        offset = (TBP_SLOTS_AT + used + align - 1) / align * align;
        if (offset + (int64_t)bytes > (int64_t)page->bytes) return NULL;
    } while (!__atomic_compare_exchange_n(&header[TBP_P_CLAIMED_BYTES], &used, offset + (int64_t)bytes - TBP_SLOTS_AT, 0,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED)); /* relaxed: it hands out room, no content */
    int64_t number = __atomic_fetch_add(&header[TBP_P_CLAIMED], 1, __ATOMIC_RELAXED); /* likewise */
    if (number >= TBP_ENTRIES) return NULL;
    int64_t *entry = (int64_t *)(page->base + TBP_DIRECTORY_AT + 256 * number), *words = (int64_t *)(page->base + offset);
    entry[1] = kind, entry[2] = offset, entry[3] = (int64_t)bytes, entry[7] = syscall(SYS_gettid);
    tbp_text_((uint8_t *)&entry[8], name, TBP_NAME), tbp_text_((uint8_t *)&entry[16], tag, TBP_NAME);
    tbp_text_((uint8_t *)&entry[24], unit, 16);
    if (geometry) {
        memcpy(&entry[4], &geometry[6], 3 * sizeof *geometry);
        memcpy(&words[TBP_LIMIT], geometry, 9 * sizeof *geometry);
        words[TBP_MIN] = INT64_MAX;
        words[TBP_CLOCK] = header[TBP_P_CLOCK], words[TBP_NS_PER_TICK] = header[TBP_P_NS_PER_TICK];
    }
    tbp_publish_(entry, TBP_READY); /* publishes the entry and the slot */
    return (tbp_slot *)words;
}

/* A histogram of a geometry of your own: values from `lowest` to `highest`, kept to `digits` (1 to 5) decimal digits. */
static inline tbp_slot *tbp_histogram_of(tbp_page *page, const char *name, const char *tag, int64_t lowest, int64_t highest,
                                         int digits) {
    int64_t geometry[9];
    size_t bytes = tbp_geometry_(lowest, highest, digits, geometry);
    return bytes ? tbp_claim_(page, TBP_HISTOGRAM, name, tag, "ns", bytes, geometry) : NULL;
}

/* A histogram of 1 ns to 10 s at 3 digits; a counter; a gauge. NULL if there is no room. */
static inline tbp_slot *tbp_histogram(tbp_page *page, const char *name, const char *tag) {
    return tbp_histogram_of(page, name, tag, 1, 10000000000, 3);
}
static inline tbp_slot *tbp_counter(tbp_page *page, const char *name, const char *unit) {
    return tbp_claim_(page, TBP_COUNTER, name, "", unit, 128, NULL);
}
static inline tbp_slot *tbp_gauge(tbp_page *page, const char *name, const char *unit) {
    return tbp_claim_(page, TBP_GAUGE, name, "", unit, 128, NULL);
}

/* Say that the loop which calls this, about once a second, still turns. */
static inline void tbp_beat(tbp_page *page) {
    tbp_publish_((int64_t *)page->base + TBP_P_HEARTBEAT, tbp_clock_ns_(CLOCK_MONOTONIC));
}

/* Make the page of this process, with room for `slots` histograms. 0, or an errno: EEXIST if it has one of that name already,
 * EACCES if the folder is open to others, EINVAL for a name that is not of letters, digits, - and _. */
static inline int tbp_page_create(tbp_page *page, const char *app, const char *const *stages, unsigned stage_count, unsigned slots) {
    char folder[PATH_MAX - 128];
    int64_t geometry[9], started = tbp_start_ticks_();
    int failed, file;
    if (!tbp_good_name_(app) || stage_count > TBP_STAGES || started < 0) return EINVAL;
    if ((failed = tbp_folder_(folder, sizeof folder))) return failed;
    snprintf(page->path, sizeof page->path, "%s/%s.%d.%lld.lat", folder, app, (int)getpid(), (long long)started);
    page->bytes = TBP_SLOTS_AT + slots * tbp_geometry_(1, 10000000000, 3, geometry);
    file = open(page->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) return errno;
    failed = posix_fallocate(file, 0, (off_t)page->bytes); /* a full file system is told here, not by SIGBUS in a record */
    void *base = failed ? MAP_FAILED : mmap(NULL, page->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
    close(file);
    if (base == MAP_FAILED) {
        failed = failed ? failed : errno;
        unlink(page->path);
        return failed;
    }
    madvise(base, page->bytes, MADV_DONTFORK);
    page->base = (uint8_t *)base;
    int64_t *header = (int64_t *)base;
    int64_t tables[] = {TBP_STAGES_AT, TBP_STAGES, TBP_DIRECTORY_AT, TBP_ENTRIES, TBP_SLOTS_AT};
    header[1] = 1, header[2] = (int64_t)page->bytes, header[3] = getpid(), header[4] = started;
    tbp_boot_id_(page->base + 40);
    header[TBP_P_STATE] = TBP_LIVE;
    tbp_calibrate_(header);
    memcpy(&header[TBP_P_TABLES], tables, sizeof tables);
    tbp_text_(page->base + 256, app, TBP_NAME), tbp_text_(page->base + 320, "c", TBP_NAME);
    for (unsigned i = 0; i < stage_count; i++) tbp_text_(page->base + TBP_STAGES_AT + TBP_NAME * i, stages[i], TBP_NAME);
    tbp_beat(page);
    memcpy(&geometry[0], "TICKPROB", 8);
    tbp_publish_(header, geometry[0]); /* published last: a reader that finds the magic finds all of the above */
    return 0;
}

/* Say that the process ends on purpose, and remove the file unless `keep`. It stays mapped: writers that still run do no harm. */
static inline void tbp_page_close(tbp_page *page, int keep) {
    tbp_publish_((int64_t *)page->base + TBP_P_STATE, TBP_CLOSED);
    if (!keep) unlink(page->path);
}

#ifdef __cplusplus
}
#endif
#endif
