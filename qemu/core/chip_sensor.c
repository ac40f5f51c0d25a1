/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Temperature and energy of the chip. Resets touch neither. */
#include "chip.h"

#define FJ_PER_UJ 1000000000u

static void add_energy(DaccCore *core, uint64_t count, uint64_t fj_each)
{
    unsigned __int128 fj = (unsigned __int128)count * fj_each;
    unsigned __int128 uj = fj / FJ_PER_UJ;

    core->energy_fj += fj % FJ_PER_UJ;
    uj += core->energy_fj / FJ_PER_UJ;
    core->energy_fj %= FJ_PER_UJ;
    core->energy = uj > UINT64_MAX - core->energy ? UINT64_MAX
                                                  : core->energy + (uint64_t)uj;
}

void chip_energy(DaccCore *core, uint64_t ops, uint64_t bytes)
{
    add_energy(core, ops, core->config.timing[DACC_TIMING_FJ_OP]);
    add_energy(core, bytes, core->config.timing[DACC_TIMING_FJ_BYTE]);
}

void dacc_core_set_temperature(DaccCore *core, int32_t temperature)
{
    int32_t crit = core->config.temperature_crit;

    engine_lock(&core->engine);
    if (core->temperature < crit && temperature >= crit) {
        chip_event(core, DACC_EVENT_THERMAL);
    }
    core->temperature = temperature;
    engine_unlock(&core->engine);
    engine_kick(&core->engine);
}
