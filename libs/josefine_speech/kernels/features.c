/*
 * Log-mel columns and voice activity of many streams, compiled once for each instruction set (hatch_build.py).
 *
 * LANES floats are handled at once: windows of sound in the spectra, outputs of a layer in the products. No number
 * depends on what is in the lanes and rows beside it, so results are the same bytes for any batch. Nothing is
 * allocated: some 350 KB of stack.
 */
#include "tables.h"

enum {
    HOP = 160,     /* samples from mel column to mel column */
    WINDOW = 512,  /* samples of a window of voice activity */
    CONTEXT = 64,  /* of the window before, that are heard again */
    MIRRORED = 64, /* of the window, that are heard again behind it */
    HEARD = CONTEXT + WINDOW + MIRRORED,
    STEP = 128, /* samples from spectrum to spectrum of a window */
    STEPS = 4,
    CELL = 128, /* outputs of the cell; a sequence's state are these and its memory */
    LONGEST_TRANSFORM = 400,
    WIDEST = 516, /* numbers of a window between two layers, at most */
    SLICE = 48    /* windows handled together: what is between two layers stays in the core's cache */
};
#define POWER_FLOOR 1e-10f

#if defined(__AVX512F__)
#define LANES 16
#define LOWER_HALVES(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define UPPER_HALVES(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif defined(__AVX2__)
#define LANES 8
#define LOWER_HALVES(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define UPPER_HALVES(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define LANES 4
#define LOWER_HALVES(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define UPPER_HALVES(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif

#define INLINE static inline __attribute__((always_inline))
#define EXPORTED __attribute__((visibility("default")))

typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t bits __attribute__((vector_size(4 * LANES)));
typedef int16_t shorts __attribute__((vector_size(2 * LANES)));
typedef _Float16 halves __attribute__((vector_size(2 * LANES)));
typedef struct {
    lanes re, im;
} complex;

/* 12 or 24 sums of a tile stay in registers: 16 there are in AVX2 and SSE, 32 in AVX-512 and NEON. */
#define TILE_ROWS 6
#define TILE_VECTORS (LANES == 16 ? 4 : 2)
#define TILE_COLUMNS (TILE_VECTORS * LANES)

/* Memory that is not aligned. */
#define LOAD(type, from)                                \
    ({                                                  \
        type value_;                                    \
        __builtin_memcpy(&value_, from, sizeof value_); \
        value_;                                         \
    })
#define STORE(to, value)                              \
    ({                                                \
        __typeof__(value) value_ = (value);           \
        __builtin_memcpy(to, &value_, sizeof value_); \
    })

INLINE lanes all(float x) { return x - (lanes){0}; }

INLINE lanes greater(lanes a, lanes b) { return __builtin_elementwise_max(a, b); }

/* exp(x) to two units in the last place, for x clamped to [-87, 87]: powers of two, Taylor's terms within ln 2 / 2. */
INLINE lanes exponential(lanes x) {
    x = __builtin_elementwise_min(greater(x, all(-87.0f)), all(87.0f));
    /* To the nearest whole number: what is added leaves no room for a fraction. A function for it may be libm's. */
    lanes whole = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
    /* ln 2 in two parts, the first of which is exact times any exponent. */
    lanes rest = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    lanes sum = rest * 1.98412698e-4f + 1.38888889e-3f;
    sum = sum * rest + 8.33333333e-3f;
    sum = sum * rest + 4.16666667e-2f;
    sum = sum * rest + 1.66666667e-1f;
    sum = sum * rest + 0.5f;
    sum = sum * rest + 1.0f;
    sum = sum * rest + 1.0f;
    return (lanes)((bits)sum + (__builtin_convertvector(whole, bits) << 23));
}

INLINE lanes sigmoid(lanes x) { return 1.0f / (1.0f + exponential(-x)); }

INLINE lanes hyperbolic_tangent(lanes x) { return 1.0f - 2.0f / (1.0f + exponential(x + x)); }

/* log10(x) for normal x > 0: the mantissa in [1/sqrt 2, sqrt 2), where ln is 2 artanh((m - 1) / (m + 1)). */
INLINE lanes decadic_logarithm(lanes x) {
    bits shifted = (bits)x - 0x3f3504f3;
    lanes exponent = __builtin_convertvector(shifted >> 23, lanes);
    lanes mantissa = (lanes)((shifted & 0x007fffff) + 0x3f3504f3);
    lanes ratio = (mantissa - 1.0f) / (mantissa + 1.0f), square = ratio * ratio;
    lanes sum = square * 0.11111111f + 0.14285714f;
    sum = sum * square + 0.2f;
    sum = sum * square + 0.33333333f;
    lanes natural = 2.0f * (ratio + ratio * square * sum);
    return exponent * 0.301029996f + natural * 0.434294482f;
}

/* Turns a square of LANES vectors: what was lane i of vector j becomes lane j of vector i. */
INLINE void transpose(lanes* square) {
    for (int distance = 1; distance < LANES; distance *= 2) {
        lanes next[LANES];
        for (int i = 0; i < LANES / 2; i++) {
            next[2 * i] = LOWER_HALVES(square[i], square[i + LANES / 2]);
            next[2 * i + 1] = UPPER_HALVES(square[i], square[i + LANES / 2]);
        }
        __builtin_memcpy(square, next, sizeof next);
    }
}

INLINE complex times(complex a, const float* w) {
    return (complex){a.re * w[0] - a.im * w[1], a.re * w[1] + a.im * w[0]};
}

INLINE complex plus(complex a, complex b) { return (complex){a.re + b.re, a.im + b.im}; }

INLINE complex minus(complex a, complex b) { return (complex){a.re - b.re, a.im - b.im}; }

/* -i x */
INLINE complex quarter_turn(complex x) { return (complex){x.im, -x.re}; }

/* A pass of Stockham's algorithm, decimation in frequency; see Van Loan, Computational Frameworks for the FFT, 1.7. */
INLINE void pass(const int radix, int butterflies, int stride, const float* w, const complex* x, complex* y) {
    const float cos1 = 0.309016994f, cos2 = -0.809016994f, sin1 = 0.951056516f, sin2 = 0.587785252f;
    for (int q = 0; q < butterflies; q++, w += 2 * (radix - 1)) {
        for (int k = 0; k < stride; k++) {
            complex a[5], *to = y + stride * radix * q + k;
            for (int j = 0; j < radix; j++) a[j] = x[k + stride * (q + butterflies * j)];
            if (radix == 2) {
                to[0] = plus(a[0], a[1]);
                to[stride] = times(minus(a[0], a[1]), w);
            } else if (radix == 4) {
                complex even = plus(a[0], a[2]), odd = plus(a[1], a[3]);
                complex up = minus(a[0], a[2]), down = quarter_turn(minus(a[1], a[3]));
                to[0] = plus(even, odd);
                to[stride] = times(plus(up, down), w);
                to[2 * stride] = times(minus(even, odd), w + 2);
                to[3 * stride] = times(minus(up, down), w + 4);
            } else {
                complex p = plus(a[1], a[4]), q1 = quarter_turn(minus(a[1], a[4]));
                complex r = plus(a[2], a[3]), q2 = quarter_turn(minus(a[2], a[3]));
                complex near = {a[0].re + cos1 * p.re + cos2 * r.re, a[0].im + cos1 * p.im + cos2 * r.im};
                complex far = {a[0].re + cos2 * p.re + cos1 * r.re, a[0].im + cos2 * p.im + cos1 * r.im};
                complex turn1 = {sin1 * q1.re + sin2 * q2.re, sin1 * q1.im + sin2 * q2.im};
                complex turn2 = {sin2 * q1.re - sin1 * q2.re, sin2 * q1.im - sin1 * q2.im};
                to[0] = (complex){a[0].re + p.re + r.re, a[0].im + p.im + r.im};
                to[stride] = times(plus(near, turn1), w);
                to[2 * stride] = times(plus(far, turn2), w + 2);
                to[3 * stride] = times(minus(far, turn2), w + 4);
                to[4 * stride] = times(minus(near, turn1), w + 6);
            }
        }
    }
}

/* Puts into powers[k] of each lane the squared magnitude of the spectrum of its window at bin k in 0 .. size / 2. */
static void spectra(const struct transform* table, const int16_t* const window[LANES], lanes* powers) {
    complex first[LONGEST_TRANSFORM / 2], second[LONGEST_TRANSFORM / 2], *x = first, *y = second;
    lanes* samples = (lanes*)first;
    int size = table->size, half = size / 2;
    for (int i = 0; i < size; i += LANES) {
        lanes shape = LOAD(lanes, table->window + i), square[LANES];
        for (int lane = 0; lane < LANES; lane++)
            square[lane] = __builtin_convertvector(LOAD(shorts, window[lane] + i), lanes) * shape;
        transpose(square);
        for (int j = 0; j < LANES; j++) samples[i + j] = square[j];
    }
    /* Sample 2n is the real part of number n by now, sample 2n + 1 its imaginary part. */
    const float* w = table->twiddles;
    for (int left = half, stride = 1, i = 0; left > 1; i++) {
        int radix = table->radices[i], butterflies = left / radix;
        if (radix == 2) pass(2, butterflies, stride, w, x, y);
        if (radix == 4) pass(4, butterflies, stride, w, x, y);
        if (radix == 5) pass(5, butterflies, stride, w, x, y);
        w += 2 * (radix - 1) * butterflies;
        left = butterflies;
        stride *= radix;
        complex* swapped = x;
        x = y;
        y = swapped;
    }
    for (int k = 0; k <= half; k++) {
        complex a = x[k % half], b = x[(half - k) % half];
        complex even = {a.re + b.re, a.im - b.im}, odd = {a.im + b.im, b.re - a.re};
        complex turned = times(odd, table->turns + 2 * k);
        lanes re = even.re + turned.re, im = even.im + turned.im;
        powers[k] = 0.25f * (re * re + im * im);
    }
}

/* Puts vectors, one for each of `columns` numbers, into a row for each lane; `to` says where each of the rows begins.
 */
INLINE void put_rows(const lanes* vectors, int columns, float* const to[LANES]) {
    int whole = columns / LANES * LANES;
    for (int i = 0; i < whole; i += LANES) {
        lanes square[LANES];
        for (int j = 0; j < LANES; j++) square[j] = vectors[i + j];
        transpose(square);
        for (int lane = 0; lane < LANES; lane++) STORE(to[lane] + i, square[lane]);
    }
    for (int i = whole; i < columns; i++)
        for (int lane = 0; lane < LANES; lane++) to[lane][i] = vectors[i][lane];
}

static void mel_columns(const struct mel* table, const int16_t* const window[LANES], int columns, _Float16* out) {
    lanes powers[LONGEST_TRANSFORM / 2 + 1];
    spectra(&table->transform, window, powers);
    const float* weight = table->weights;
    for (int mel = 0; mel < table->mels; mel += LANES) {
        lanes square[LANES];
        for (int i = 0; i < LANES; i++) {
            const lanes* seen = powers + table->first[mel + i];
            lanes sum = {0};
            for (int bin = 0; bin < table->bins[mel + i]; bin++) sum += seen[bin] * *weight++;
            square[i] = decadic_logarithm(greater(sum, all(POWER_FLOOR)));
        }
        transpose(square);
        for (int column = 0; column < columns; column++)
            STORE(out + column * table->mels + mel, __builtin_convertvector(square[column], halves));
    }
}

/*
 * Puts into out, [sum of counts][mels], the columns of each stretch: of the 400 samples from first[i] on, and from
 * there every 160 samples, counts[i] of them.
 */
EXPORTED void josefine_log_mel(const struct mel* table, const int16_t* samples, const int64_t* first,
                               const int64_t* counts, int64_t stretches, _Float16* out) {
    const int16_t* window[LANES];
    int taken = 0;
    for (int64_t stretch = 0; stretch < stretches; stretch++) {
        for (int64_t column = 0; column < counts[stretch]; column++) {
            window[taken++] = samples + first[stretch] + HOP * column;
            if (taken == LANES) {
                mel_columns(table, window, LANES, out);
                out += LANES * table->mels;
                taken = 0;
            }
        }
    }
    if (taken) {
        for (int lane = taken; lane < LANES; lane++) window[lane] = window[0];
        mel_columns(table, window, taken, out);
    }
}

/* Takes rows times a matrix, [rows][k] by [k][columns of a tile]; sums[r][0] on enters as what is added to. */
INLINE void tile(const int rows, const float* const* x, int depth, const float* matrix, lanes (*sums)[TILE_VECTORS]) {
    for (int k = 0; k < depth; k++, matrix += PANEL) {
        lanes columns[TILE_VECTORS];
        for (int v = 0; v < TILE_VECTORS; v++) columns[v] = LOAD(lanes, matrix + LANES * v);
        for (int r = 0; r < rows; r++) {
            lanes factor = all(x[r][k]);
            for (int v = 0; v < TILE_VECTORS; v++) sums[r][v] += factor * columns[v];
        }
    }
}

INLINE void block(const int rows, const float* const* x, int depth, const float* matrix, const float* const* added,
                  int rectified, float* const* out) {
    lanes sums[TILE_ROWS][TILE_VECTORS];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < TILE_VECTORS; v++) sums[r][v] = LOAD(lanes, added[r] + LANES * v);
    tile(rows, x, depth, matrix, sums);
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < TILE_VECTORS; v++)
            STORE(out[r] + LANES * v, rectified ? greater(sums[r][v], (lanes){0}) : sums[r][v]);
}

/* out[r] = added[r] + x[r] times the product's matrix, rows by rows. A row's sums are in the order of its inputs. */
static void multiply(const struct product* product, int rows, const float* const* x, const float* const* added,
                     int rectified, float* const* out) {
    for (int column = 0; column < product->width; column += TILE_COLUMNS) {
        const float* panel = product->matrix + (int64_t)(column / PANEL) * PANEL * product->depth + column % PANEL;
        for (int row = 0; row < rows; row += TILE_ROWS) {
            int some = rows - row < TILE_ROWS ? rows - row : TILE_ROWS;
            const float *from[TILE_ROWS], *start[TILE_ROWS];
            float* to[TILE_ROWS];
            for (int r = 0; r < some; r++) {
                from[r] = x[row + r] + product->input;
                start[r] = added[row + r] + column;
                to[r] = out[row + r] + product->output + column;
            }
            switch (some) {
                case 1:  block(1, from, product->depth, panel, start, rectified, to); break;
                case 2:  block(2, from, product->depth, panel, start, rectified, to); break;
                case 3:  block(3, from, product->depth, panel, start, rectified, to); break;
                case 4:  block(4, from, product->depth, panel, start, rectified, to); break;
                case 5:  block(5, from, product->depth, panel, start, rectified, to); break;
                default: block(6, from, product->depth, panel, start, rectified, to);
            }
        }
    }
}

/* Magnitudes of the spectra of a window's steps, step behind step, a row for each window. */
static void magnitudes(const struct transform* table, int windows, const int16_t (*heard)[HEARD],
                       float (*out)[WIDEST]) {
    int bins = table->size / 2 + 1, count = STEPS * windows;
    for (int done = 0; done < count; done += LANES) {
        const int16_t* window[LANES];
        float *to[LANES], unused[LONGEST_TRANSFORM];
        lanes powers[LONGEST_TRANSFORM / 2 + 1];
        for (int lane = 0; lane < LANES; lane++) {
            int spectrum = done + lane, step = spectrum % STEPS;
            window[lane] = spectrum < count ? heard[spectrum / STEPS] + STEP * step : heard[0];
            to[lane] = spectrum < count ? out[spectrum / STEPS] + bins * step : unused;
        }
        spectra(table, window, powers);
        for (int bin = 0; bin < bins; bin++) powers[bin] = __builtin_elementwise_sqrt(powers[bin]);
        put_rows(powers, bins, to);
    }
}

/* Takes sequences a step further; gates are what drives them, with what their last outputs say added. */
static void cell(const struct voice* table, int sequences, float* const* gates, float* const* state,
                 float** probability) {
    for (int s = 0; s < sequences; s++) {
        const float* gate = gates[s];
        float *output = state[s], *memory = output + CELL;
        lanes heard = {0};
        for (int i = 0; i < CELL; i += LANES) {
            lanes enter = sigmoid(LOAD(lanes, gate + i)), keep = sigmoid(LOAD(lanes, gate + CELL + i));
            lanes new = hyperbolic_tangent(LOAD(lanes, gate + 2 * CELL + i));
            lanes leave = sigmoid(LOAD(lanes, gate + 3 * CELL + i));
            lanes kept = keep * LOAD(lanes, memory + i) + enter * new;
            lanes told = leave * hyperbolic_tangent(kept);
            STORE(memory + i, kept);
            STORE(output + i, told);
            heard += greater(told, (lanes){0}) * LOAD(lanes, table->last + i);
        }
        float sum = table->last_bias;
        for (int lane = 0; lane < LANES; lane++) sum += heard[lane];
        *probability[s] = sigmoid(all(sum))[0];
    }
}

/* Windows of which those of the same step are of different sequences: rows of one step stand together. */
static void windows(const struct voice* table, int windows, const int16_t (*heard)[HEARD], const int* step,
                    float* const* state, float** probability) {
    float first[SLICE][WIDEST], second[SLICE][WIDEST], (*x)[WIDEST] = first, (*y)[WIDEST] = second;
    magnitudes(&table->transform, windows, heard, x);
    const float *from[SLICE], *added[SLICE];
    float* to[SLICE];
    for (int i = 0; i < table->layers; i++) {
        const struct layer* layer = table->layer + i;
        for (int p = 0; p < layer->products; p++) {
            for (int row = 0; row < windows; row++) {
                from[row] = x[row];
                added[row] = layer->product[p].bias;
                to[row] = y[row];
            }
            multiply(layer->product + p, windows, from, added, layer->rectified, to);
        }
        float (*swapped)[WIDEST] = x;
        x = y;
        y = swapped;
    }
    for (int row = 0, rows; row < windows; row += rows) {
        for (rows = 0; row + rows < windows && step[row + rows] == step[row]; rows++) {
            from[rows] = state[row + rows];
            added[rows] = to[rows] = x[row + rows];
        }
        multiply(&table->recurrent, rows, from, added, 0, to);
        cell(table, rows, to, state + row, probability + row);
    }
}

/*
 * Puts into probabilities, [sum of counts], those of each stretch's windows, the first of which begins at first[i], and
 * takes states, [stretches][2][128], along. begins[i]: nothing stands before the first one; else there are 64 samples.
 */
EXPORTED void josefine_voice_activity(const struct voice* table, const int16_t* samples, const int64_t* first,
                                      const int64_t* counts, const uint8_t* begins, int64_t stretches, float* states,
                                      float* probabilities) {
    int16_t heard[SLICE][HEARD];
    float *state[SLICE], *probability[SLICE];
    int step[SLICE], taken = 0;
    int64_t longest = 0;
    for (int64_t i = 0; i < stretches; i++) longest = counts[i] > longest ? counts[i] : longest;
    for (int64_t window = 0; window < longest; window++) {
        int64_t before = 0;
        for (int64_t i = 0; i < stretches; before += counts[i++]) {
            if (window >= counts[i]) continue;
            const int16_t* from = samples + first[i] + WINDOW * window;
            int16_t* to = heard[taken];
            if (begins[i] && !window)
                __builtin_memset(to, 0, 2 * CONTEXT);
            else
                __builtin_memcpy(to, from - CONTEXT, 2 * CONTEXT);
            __builtin_memcpy(to + CONTEXT, from, 2 * WINDOW);
            /* As the model does it: mirrored at the window's last sample. */
            for (int j = 0; j < MIRRORED; j++) to[CONTEXT + WINDOW + j] = from[WINDOW - 2 - j];
            step[taken] = (int)window;
            state[taken] = states + 2 * CELL * i;
            probability[taken] = probabilities + before + window;
            if (++taken == SLICE) {
                windows(table, taken, heard, step, state, probability);
                taken = 0;
            }
        }
    }
    if (taken) windows(table, taken, heard, step, state, probability);
}

/* What tables.py and library.py take for granted, for a test to compare. */
EXPORTED const int32_t josefine_facts[] = {
    sizeof(struct mel), sizeof(struct voice), PANEL, WIDEST, HOP, WINDOW, CONTEXT};
