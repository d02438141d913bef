/* uPlot, fetched after the first reading is on the screen. */

import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";

export default uPlot;
