/* The three hot loops, as drivers call them: (state, inputs, outputs, n). */
#include "operations.h"

#include <math.h>

/* Apply n updates to an empty book; returns how many changed the best level. */
int64_t book_update(struct book *book, const struct update *updates, struct update_answer *answers, int64_t n) {
    int64_t changed_best = 0;
    book->count[0] = book->count[1] = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t side = updates[i].side, position = set_level(book, &updates[i]), best = book->keys[side][0];
        answers[i].position = position;
        answers[i].best_price_ticks = book->count[side] == 0 ? -1 : side ? best : -best;
        changed_best += position == 0;
    }
    return changed_best;
}

/* Wilder's RSI of n prices; the first `period` values are NaN. Returns how many are not. */
int64_t rsi(const int64_t *period_of_state, const double *prices, double *values, int64_t n) {
    int64_t period = *period_of_state;
    if (n < 1) return 0;
    double weight = 1.0 / (double)period;
    struct rsi rsi = {.price = prices[0], .keep = 1, .weight = weight};
    for (int64_t i = 0; i < n && i <= period; i++) { /* the first averages are plain means of `period` changes */
        double value = next_rsi(&rsi, prices[i]);
        values[i] = i < period ? NAN : value;
    }
    rsi.keep = 1 - weight;
    for (int64_t i = period + 1; i < n; i++) values[i] = next_rsi(&rsi, prices[i]);
    return n > period ? n - period : 0;
}

/* Encode n orders into n frames; returns how many were valid. */
int64_t order_encode(const int64_t *unused, const struct order *orders, uint64_t *frames, int64_t n) {
    int64_t valid = 0;
    (void)unused;
    for (int64_t i = 0; i < n; i++) valid += encode_order(&orders[i], &frames[FRAME_WORDS * i]);
    return valid;
}
