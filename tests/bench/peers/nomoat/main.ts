/** This project's engine behind the window.bench of measure.js, through the interface that every page uses. */
import { install } from "../measure.js";

install(() => import("./engine"));
