"""Which attention heads carry emotion: screened, taken out, transplanted, and assembled into a circuit.

========================  ==================================================================================
module                    what it does
========================  ==================================================================================
:mod:`pairs`              emotional prompts with their neutral partners, and the log-odds that are explained
:mod:`capture`            what each head gives at each position, counted from the end of the prompt
:mod:`ablation`           heads taken out: zero, mean, another prompt's
:mod:`attribution`        the same estimated from one gradient, and what heads write directly
:mod:`patching`           heads transplanted between partners, both ways, in three modes
:mod:`circuits`           sets of heads that suffice, and how few
:mod:`screening`          effects of all heads with intervals, a null with the maximum inside, stability
:mod:`looking`            attention to emotion words, as the reports screened
========================  ==================================================================================
"""
