/* uPlot, in a chunk of its own. The page loads it after it has shown the first reading. */

import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";

export default uPlot;
