"""Code that visits the synapses of a group, one class for each storage format.

`format_code` returns the code of a group. `FormatCode` is the base; `dense`, `csr` and
`shared_kernel` are the formats of `ml_genn.model.plan.formats`. A format of another
package is its own code: it inherits from `SynapseFormat` and `FormatCode`.
"""

from ml_genn.codegen.formats.format_code import FormatCode
from ml_genn.codegen.formats.lookup import format_code
from ml_genn.codegen.formats.transposed_weights import TransposedWeights

__all__ = ["FormatCode", "TransposedWeights", "format_code"]
