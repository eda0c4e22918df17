"""What a run will cost, before anything of it is downloaded: work, disk, memory and time of each job on a device.

==================  ========================================================================================
module              what it does
==================  ========================================================================================
:mod:`shapes`       how large a model is, from its configuration alone
:mod:`devices`      how fast a device multiplies and reads, and what it holds
:mod:`passes`       what a forward pass costs on a device, and generated text
:mod:`chapters`     what each chapter asks of its models, section by section
:mod:`generating`   the same of chapter 05, whose model writes texts
:mod:`outlines`     all chapters by name, and the outlines of the others
:mod:`texts`        how many texts and tokens a job reads
:mod:`costs`        what a job asks for, and how long its sections take
:mod:`constants`    what is not counted but measured, kept in ``data/plan.json``
:mod:`fitting`      measures it: on the bundled models, from the notebooks of a run that was executed
:mod:`estimate`     the plan of a job and of a run
:mod:`shown`        the plan as a table, in sentences and as JSON
:mod:`resources`    what a job asks of the machine that runs it: its plan with margins
:mod:`allocation`   what all jobs of a run ask for, kept in the folder of the run
==================  ========================================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
